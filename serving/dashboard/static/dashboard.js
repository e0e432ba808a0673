// Follows the stream of the current hours, refreshes the status, loads explanations, and offers the reader's time zone.
// Every page works without it. HTML comes from our server, which escapes it.

const STALE_MS = 8000;
const STATUS_MS = 10000;

const byId = (id) => document.getElementById(id);

/** Replace the HTML of a place; the link with the keyboard's focus keeps it, in the section that it is in. */
function replace(place, html) {
  const focused = place.contains(document.activeElement) ? placeOf(document.activeElement) : null;
  const counts = new Map([...place.querySelectorAll("tr")].map((row) => [key(row), count(row)]));
  place.innerHTML = html;
  for (const row of place.querySelectorAll("tr")) {
    if (count(row) !== undefined && counts.size > 0 && counts.get(key(row)) !== count(row)) row.classList.add("changed");
  }
  if (focused !== null) {
    [...place.querySelectorAll("a[href]")].find((link) => placeOf(link) === focused)?.focus({ preventScroll: true });
  }
}

/** A link by its section and its address: a tag may be in several sections. */
const placeOf = (link) => `${link.closest("section")?.getAttribute("aria-labelledby")} ${link.getAttribute("href")}`;
const key = (row) => (row.querySelector("th a") ? placeOf(row.querySelector("th a")) : undefined);
const count = (row) => row.querySelector("[data-count]")?.dataset.count;

/** The page of the current hours: live, paused, or stale, and it says which. */
function follow(pulse) {
  const place = byId("live");
  const pause = byId("pause");
  let stream = null;
  let watch = 0;

  const show = (state, text) => {
    if (pulse.dataset.state === state && byId("pulse-text").textContent === text) return;
    pulse.dataset.state = state;
    byId("pulse-text").textContent = text;
  };
  const restartWatch = () => {
    clearTimeout(watch);
    watch = setTimeout(() => show("stale", "No connection to the server: this page is old. Reconnecting."), STALE_MS);
  };
  const begin = () => {
    stream = new EventSource(pulse.dataset.live);
    restartWatch();
    stream.addEventListener("answer", (event) => {
      replace(place, JSON.parse(event.data));
      show("live", "Live");
    });
    stream.addEventListener("trouble", (event) => show("stale", `This page is old. ${JSON.parse(event.data)}`));
    stream.addEventListener("beat", (event) => {
      restartWatch();
      if (pulse.dataset.state !== "stale" || !byId("pulse-text").textContent.startsWith("This")) show("live", "Live");
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
    pause.textContent = paused ? "Resume" : "Pause";
    show(paused ? "paused" : "waiting", paused ? "Paused" : "Waiting for the server");
  });
  show("waiting", "Waiting for the server");
  begin();
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", (event) => event.persisted && pause.getAttribute("aria-pressed") === "false" && begin());
}

/** Load a part of the page again while it is visible. */
function refresh(place) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.part);
      replace(place, answer.ok ? await answer.text() : `<p class="trouble" role="alert">The server answered ${answer.status}. The status is unknown.</p>`);
    } catch {
      place.firstElementChild?.replaceChildren("No connection to the server: this page is old.");
      place.firstElementChild?.classList.add("trouble");
    }
  }, STATUS_MS);
}

/** A panel that loads its content once, when the reader opens it. */
function explain(panel) {
  panel.addEventListener("toggle", async () => {
    const place = panel.querySelector("[data-part]");
    if (!panel.open || place.dataset.loaded) return;
    place.dataset.loaded = "yes";
    try {
      const answer = await fetch(place.dataset.part);
      if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
      place.innerHTML = await answer.text();
    } catch (error) {
      delete place.dataset.loaded;
      place.textContent = `${error instanceof TypeError ? "The server does not answer" : error.message}. Close this and open it again.`;
    }
  });
}

/** The reader's own time zone, first in the list of zones. */
function offerOwnZone(list) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const group = Object.assign(document.createElement("optgroup"), { label: "This browser" });
  group.append(Object.assign(document.createElement("option"), { value: own, textContent: own }));
  list.prepend(group);
}

/** Scroll a wide chart so that its most important hour, the newest or the highest, is in the middle. */
function scrollTo(place) {
  place.scrollLeft = Number(place.dataset.show) - place.clientWidth / 2;
}

const pulse = byId("pulse");
if (pulse) follow(pulse);
document.querySelectorAll("#refreshed").forEach(refresh);
document.querySelectorAll("details.explain").forEach(explain);
document.querySelectorAll("[data-show]").forEach(scrollTo);
document.querySelectorAll("select.zones").forEach(offerOwnZone);
