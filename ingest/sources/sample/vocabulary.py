"""Words and tags of the sample posts: several scripts, no meaning."""

TAGS = (
    "news", "music", "football", "東京", "love", "photo", "новости", "weather", "خبر", "cats", "paris", "fête", "भारत",
    "python", "BigData", "jobs", "札幌", "travel", "música", "food", "London", "кино", "サッカー", "art", "fashion",
    "Straße", "العربية", "climate", "game_day", "2024vision", "रेल", "sunset", "run", "startup", "İstanbul", "books",
    "vélo", "москва", "rain", "coffee", "ニュース", "health", "tbt", "Kafka", "राजनीति", "dogs", "دبي", "gym",
    "monday", "spring", "open_source", "Αθήνα", "한국", "film", "radio", "yoga", "चाय", "marathon", "bus42",
)  # fmt: skip
"""The most used first."""

BURSTS = ("eclipse", "地震")
"""The tags of the two bursts."""

SYLLABLES = ("ka", "lo", "mi", "ter", "ra", "no", "su", "vel", "pi", "dor", "an", "ge", "bu", "sti", "or", "fa")
"""Parts of rare tags."""

WORDS = {
    "en": "the a I we you today tomorrow never to see at home with my friends really good it was all about time",
    "fr": "le la on va voir demain encore très bien chez nous avec toi la ville sous la pluie c'est beau",
    "ja": "今日 は とても いい 天気 です ね また 明日 電車 が 遅れて いる 楽しい",
    "ru": "сегодня мы идём домой очень хорошо погода завтра снова в городе дождь и ветер",
    "ar": "اليوم نحن في البيت جميل جدا غدا الى المدينة مع الاصدقاء",
    "hi": "आज हम घर जा रहे हैं बहुत अच्छा कल फिर मिलते हैं दोस्त",
}
LANGS = ("en", "fr", "ja", "ru", "ar", "hi")
LANG_WEIGHTS = (55, 12, 13, 8, 7, 5)

EMOJI = ("🎉", "😂", "❤️", "🔥", "🌧️", "👍🏽", "🚲", "")
DECOYS = ("https://example.org/a#section", "it&#39;s", "C# and F#", "No #1", "room#12b", "")
"""Texts that look like a hashtag and are none."""
