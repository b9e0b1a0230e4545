// Groups of radio buttons that are ours: one is chosen, and arrow keys walk from one to the next.

function choose(root, selector, isChosen) {
  for (const button of root.querySelectorAll(selector)) {
    button.setAttribute("aria-checked", String(isChosen(button)));
    button.tabIndex = isChosen(button) ? 0 : -1;
  }
}

/** Arrow keys go from one choice of a group to the next, as people expect of radio buttons. */
function rove(event, selector) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(selector)) return;
  event.preventDefault();
  event.stopPropagation();
  const all = [...event.target.parentElement.querySelectorAll(selector)];
  const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
  next.focus();
  next.click();
}
