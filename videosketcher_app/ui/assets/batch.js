// The table is plain HTML; a page that is opened again asks what became of its batch.
let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) trigger('seen', {});
  wasVisible = isVisible;
}).observe(element);
