// Sample posts on a tag's page: loaded after it, since they come from the archive. Without script a link leads there.

/** Spellings with their exact uses: in the place of the page's own ones if they are of the same hours, or nowhere. */
function showOnce(exact, isOfWholePage) {
  exact?.remove();
  if (exact && isOfWholePage) document.getElementById("spellings")?.replaceChildren(...exact.childNodes);
}

for (const place of document.querySelectorAll("[data-posts]")) {
  const link = place.innerHTML;
  place.textContent = "Loading posts from the archive …";
  try {
    const answer = await fetch(place.dataset.posts);
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    place.innerHTML = await answer.text();
    showOnce(place.querySelector("[data-spellings]"), "whole" in place.dataset);
  } catch (error) {
    place.innerHTML = link;
    const reason = error instanceof TypeError ? "The server does not answer." : error.message;
    place.prepend(Object.assign(document.createElement("p"), { textContent: reason, role: "alert" }));
  }
}
