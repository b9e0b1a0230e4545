// Pressing a thumbnail opens a drawing, pressing one of its strokes takes it, by key as well.

function press(target) {
  const { do: what, id, index } = target.dataset;
  if (what === "open") trigger("open", { id });
  else trigger("stroke", { id, index: Number(index) });
}

element.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do]");
  if (target && element.contains(target)) press(target);
});
element.addEventListener("keydown", (event) => {
  if (!["Enter", " "].includes(event.key) || !event.target.matches?.(".be-stroke")) return;
  event.preventDefault();
  press(event.target);
});

let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) trigger("seen", {});
  wasVisible = isVisible;
}).observe(element);
