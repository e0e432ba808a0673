"""Function words, which no phrase holds, by language: articles, pronouns, prepositions and the like.

The `stop-words` package has lists for 33 languages. Its English list has 1,333 words, `new`, `world` and `fire` among
them, so English has a list of closed classes here instead: no noun, no adjective, no full verb, hence "New York" and
"fire department" are phrases. Thai, which the package lacks, has one too; Chinese gets the traditional characters that
its list of simplified ones lacks.

Japanese writes inflections and particles in Hiragana, and content in Chinese characters and Katakana: a word of up to
three Hiragana is a function word there, beside those of the package.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache

import regex
import stop_words

from ingest.rule.words import word_of

_ENGLISH = """
    a an the this that these those any both each either every few enough less least many more most much neither no none
    other others another several some such all half own same one ones
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves oneself who whom whose which what
    anybody anyone anything everybody everyone everything nobody nothing somebody someone something
    whoever whomever whatever whichever
    aboard about above across after against along amid among around as at before behind below beneath beside besides
    between beyond but by despite down during except for from in inside into like near of off on onto out outside over
    past per since than through throughout till to toward towards under until unto up upon versus via with within
    without
    and or nor so yet because although though if unless whereas while whether when whenever where wherever why how
    am is are was were be been being have has had having do does did doing done can could may might must shall should
    will would ought cannot gonna gotta wanna
    not just only even also too very so really quite rather almost already always ever never again still then there here
    now else perhaps maybe however therefore thus hence
    i'm you're he's she's it's we're they're i've you've we've they've i'd you'd he'd she'd it'd we'd they'd i'll you'll
    he'll she'll it'll we'll they'll that's that'll that'd there's there'd here's what's who's who'd who'll how's
    where's why's when's let's y'all isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't didn't can't
    couldn't won't wouldn't shouldn't shan't mustn't mightn't needn't ain't
    im ive youre youve theyre theyve hes shes thats theres whats dont doesnt didnt cant couldnt wont wouldnt shouldnt
    isnt arent wasnt werent havent hasnt hadnt aint u ur r
    rt amp"""
_THAI = """
    ที่ และ ใน ของ เป็น มี ได้ ให้ จะ ไม่ กับ ว่า นี้ ก็ แต่ จาก โดย ไป มา แล้ว อยู่ ต้อง ด้วย ครับ ค่ะ คะ นะ จ้า นั้น คือ
    หรือ ยัง เรา เขา เธอ ฉัน ผม คุณ มัน ซึ่ง เพราะ เพื่อ ตาม ถึง เมื่อ ถ้า กำลัง เคย ควร อาจ ทั้ง ทุก บาง มาก เลย กว่า
    อีก แค่ เท่า นี่ นั่น โน่น อะไร ใคร ไหน ทำไม อย่างไร ยังไง กัน เอง ต่อ การ ความ ผู้ ไว้ ขึ้น ลง ออก เข้า"""
_TRADITIONAL = (
    "別 並 從 當 兒 爾 該 個 給 還 後 幾 據 來 嗎 麼 每 們 憑 卻 讓 雖 隨 誰 為 無 與 於 則 這 諸 這個 我們 你們 他們"
)
_FURTHER = {"th": _THAI.split(), "zh": _TRADITIONAL.split()}

_INFLECTION = regex.compile(r"\p{Hiragana}{1,3}")


@lru_cache(100)
def function_words(lang: str | None) -> frozenset[str]:
    """The normalised function words of a language, by its code of ISO 639-1; none for a language without a list."""
    if lang == "en":
        return frozenset(_ENGLISH.split())
    if lang is None:
        return frozenset()
    return frozenset(map(word_of, [*stop_words.safe_get_stop_words(lang), *_FURTHER.get(lang, ())]))


def function_words_in(words: Iterable[str], lang: str | None) -> Collection[str]:
    """Those of some normalised words that are function words of a language."""
    found = function_words(lang).intersection(words)
    return found.union(filter(_INFLECTION.fullmatch, words)) if lang == "ja" else found


LANGUAGES = frozenset({*stop_words.LANGUAGE_MAPPING, *_FURTHER})
"""The languages that have function words."""
