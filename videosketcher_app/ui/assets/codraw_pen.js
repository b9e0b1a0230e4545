// Mouse, pen and fingers on the paper: one pointer draws, two fingers move and zoom.

const ERASER_BUTTON = 32; // bit of PointerEvent.buttons for the other end of a pen
const MIDDLE_BUTTON = 4;
const PEN_REST_MS = 1500; // after a pen was seen so long ago, a finger is a finger again and no palm
const TAKEN_BACK_MS = 250; // a second finger within this time means that the first did not draw

/**
 * Tells `hand` what happens: touched() -> false to leave it, begin(event), add(event), finish(),
 * giveUp(), and moved(dx, dy), zoomed(factor, x, y) for the view. Times are milliseconds.
 */
class Pen {
  constructor(element, hand) {
    this.element = element;
    this.hand = hand;
    this.touches = new Map();
    this.drawing = null; // id of the pointer that draws
    this.moving = null; // id of the pointer that moves the paper
    this.penSeenAt = -Infinity;
    this.mode = "draw"; // or "move"
    const on = (name, action) => element.addEventListener(name, action);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event, true));
    on("pointercancel", (event) => this.up(event, false));
    on("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  down(event) {
    if (event.pointerType === "pen") this.penSeenAt = event.timeStamp;
    const isPalm = event.pointerType === "touch" && event.timeStamp - this.penSeenAt < PEN_REST_MS;
    if (event.pointerType === "touch") this.touches.set(event.pointerId, this.place(event));
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.capture(event);
    if (this.touches.size > 1) this.beginPinch(event);
    else if (this.mode === "move" || event.buttons & MIDDLE_BUTTON) this.moving = event.pointerId;
    else if (!isPalm && this.drawing === null && event.button !== 2) this.beginStroke(event);
    this.last = this.place(event);
  }

  /** Events made by scripts have no pointer that could be captured; they need none. */
  capture(event) {
    if (this.element.isConnected && event.isTrusted) this.element.setPointerCapture(event.pointerId);
  }

  beginStroke(event) {
    if (this.hand.touched() === false) return;
    this.drawing = event.pointerId;
    this.begunAt = event.timeStamp;
    this.hand.begin(this.sample(event), { erase: Boolean(event.buttons & ERASER_BUTTON) });
  }

  beginPinch(event) {
    if (this.drawing === null) return;
    if (event.timeStamp - this.begunAt < TAKEN_BACK_MS) this.hand.giveUp();
    else this.hand.finish();
    this.drawing = null;
  }

  move(event) {
    if (event.pointerType === "pen") this.penSeenAt = event.timeStamp;
    if (this.touches.size > 1 && this.touches.has(event.pointerId)) this.pinch(event);
    else if (event.pointerId === this.moving) this.shift(event);
    else if (event.pointerId === this.drawing) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.hand.add(this.sample(one));
    }
  }

  up(event, kept) {
    this.touches.delete(event.pointerId);
    if (event.pointerId === this.moving) this.moving = null;
    if (event.pointerId !== this.drawing) return;
    this.drawing = null;
    if (kept) this.hand.finish();
    else this.hand.giveUp();
  }

  /** Breaks off what is being drawn, as Escape does. */
  cancel() {
    if (this.drawing === null) return false;
    this.drawing = null;
    this.hand.giveUp();
    return true;
  }

  shift(event) {
    const place = this.place(event);
    this.hand.moved(place.x - this.last.x, place.y - this.last.y);
    this.last = place;
  }

  pinch(event) {
    const before = [...this.touches.values()].slice(0, 2);
    this.touches.set(event.pointerId, this.place(event));
    const after = [...this.touches.values()].slice(0, 2);
    const [was, is] = [middle(before), middle(after)];
    this.hand.moved(is.x - was.x, is.y - was.y);
    this.hand.zoomed(is.spread / (was.spread || 1), is.x, is.y);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const { x, y } = this.place(event);
    this.hand.zoomed(Math.exp(-event.deltaY / 300), x, y);
  }

  place(event) {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  sample(event) {
    return { ...this.place(event), time: event.timeStamp, pressure: pressureOf(event) };
  }
}

function middle([a, b]) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, spread: Math.hypot(a.x - b.x, a.y - b.y) };
}
