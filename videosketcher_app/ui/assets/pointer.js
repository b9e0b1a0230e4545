// Drags by mouse, pen and finger, shared by the components.

/**
 * Follows one pointer from its pointerdown to its end.
 * `move(event)` on every move, `end(kept)` once; kept is false if Escape or the system broke it off.
 */
function followPointer(target, down, { move, end }) {
  const listening = new AbortController();
  const mine = (event) => event.pointerId === down.pointerId;
  const finish = (kept) => {
    listening.abort();
    end(kept);
  };
  const on = (name, action, where = target) =>
    where.addEventListener(name, action, { signal: listening.signal });
  target.setPointerCapture(down.pointerId);
  on("pointermove", (event) => mine(event) && move(event));
  on("pointerup", (event) => mine(event) && finish(true));
  on("pointercancel", (event) => mine(event) && finish(false));
  on("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    finish(false);
  });
}

/** Fills {placeholders} of one of the component's texts. */
function say(key, values = {}) {
  return TEXT[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
