/** Sample posts on a tag's page: loaded after it, since they come from the archive. Without script a link leads there. */
for (const place of document.querySelectorAll("[data-posts]")) {
  const link = place.innerHTML;
  place.textContent = "Loading posts from the archive …";
  try {
    const answer = await fetch(place.dataset.posts);
    if (!answer.ok && answer.status !== 404) throw new Error(`The server answered ${answer.status}.`);
    place.innerHTML = await answer.text();
  } catch (error) {
    place.innerHTML = link;
    const reason = error instanceof TypeError ? "The server does not answer." : error.message;
    place.prepend(Object.assign(document.createElement("p"), { textContent: reason, role: "alert" }));
  }
}
