// What a page does by itself: follow the stream of now, ask the status again, load the explanation, list time zones.
// Every page can be read without it. HTML comes from our server, which has escaped it.

const STALE_MS = 8000;
const STATUS_MS = 10000;

const byId = (id) => document.getElementById(id);

/** Put new HTML in place; the keyboard stays where it was, by the address of the focused link. */
function replace(place, html) {
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const counts = new Map([...place.querySelectorAll("tr")].map((row) => [key(row), count(row)]));
  place.innerHTML = html;
  for (const row of place.querySelectorAll("tr")) {
    if (count(row) !== undefined && counts.size > 0 && counts.get(key(row)) !== count(row)) row.classList.add("changed");
  }
  if (focused !== null) {
    [...place.querySelectorAll("a[href]")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }
}

const key = (row) => row.querySelector("th a")?.getAttribute("href");
const count = (row) => row.querySelector("[data-count]")?.dataset.count;

/** The page of now: live, paused, or stale, and it says which. */
function follow(pulse) {
  const place = byId("live");
  const pause = byId("pause");
  let stream = null;
  let watch = 0;

  const say = (state, text) => {
    if (pulse.dataset.state === state && byId("pulse-said").textContent === text) return;
    pulse.dataset.state = state;
    byId("pulse-said").textContent = text;
  };
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => say("stale", "No news from the server: what is shown is old. Trying again."), STALE_MS);
  };
  const begin = () => {
    stream = new EventSource(pulse.dataset.live);
    heard();
    stream.addEventListener("answer", (event) => {
      replace(place, JSON.parse(event.data));
      say("live", "Live");
    });
    stream.addEventListener("trouble", (event) => say("stale", `What is shown is old. ${JSON.parse(event.data)}`));
    stream.addEventListener("beat", (event) => {
      heard();
      if (pulse.dataset.state !== "stale" || !byId("pulse-said").textContent.startsWith("What")) say("live", "Live");
      const at = JSON.parse(event.data);
      byId("pulse-at").dateTime = at;
      byId("pulse-at").textContent = `${at.slice(11, 19)} UTC`;
    });
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(() => stream !== null && (end(), begin()), 3000);
    });
  };
  const end = () => {
    clearTimeout(watch);
    stream?.close();
    stream = null;
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    const paused = stream !== null;
    paused ? end() : begin();
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    say(paused ? "paused" : "waiting", paused ? "Paused" : "Waiting for the server");
  });
  say("waiting", "Waiting for the server");
  begin();
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", (event) => event.persisted && pause.getAttribute("aria-pressed") === "false" && begin());
}

/** Ask for a part of the page again while somebody looks. */
function refresh(place) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.part);
      replace(place, answer.ok ? await answer.text() : `<p class="trouble" role="alert">The server answered ${answer.status}. What runs is not known.</p>`);
    } catch {
      place.firstElementChild?.replaceChildren("No news from the server: what is shown is old.");
      place.firstElementChild?.classList.add("trouble");
    }
  }, STATUS_MS);
}

/** A panel that asks when it is opened, and once. */
function explain(panel) {
  panel.addEventListener("toggle", async () => {
    const place = panel.querySelector("[data-part]");
    if (!panel.open || place.dataset.asked) return;
    place.dataset.asked = "yes";
    try {
      const answer = await fetch(place.dataset.part);
      if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
      place.innerHTML = await answer.text();
    } catch (error) {
      delete place.dataset.asked;
      place.textContent = `${error instanceof TypeError ? "The server does not answer" : error.message}. Close this and open it again.`;
    }
  });
}

/** Every time zone that the browser knows, the reader's own first. */
function listZones(list) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const names = new Set([own, "UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])]);
  list.replaceChildren(...[...names].map((name) => Object.assign(document.createElement("option"), { value: name })));
}

/** A chart that is wider than the page begins with what matters most in the middle: the newest hour, or the highest. */
function show(place) {
  place.scrollLeft = Number(place.dataset.show) - place.clientWidth / 2;
}

const pulse = byId("pulse");
if (pulse) follow(pulse);
document.querySelectorAll("#refreshed").forEach(refresh);
document.querySelectorAll("details.explain").forEach(explain);
document.querySelectorAll("[data-show]").forEach(show);
document.querySelectorAll("datalist#zones").forEach(listZones);
