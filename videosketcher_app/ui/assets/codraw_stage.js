// The paper on the screen: what has been drawn below, what is being drawn above it.

const ONION_OPACITY = 0.3;
const LOCK_COLOR = "rgb(36 85 127 / 0.14)";
const LOCK_EDGE = "rgb(36 85 127 / 0.75)";
const TRACED_PX = 2.5; // how much wider than its stroke the ink of the model may be
const HAIR = 1.5; // width of overlay lines, in pixels of the screen

class Stage {
  constructor(root, story) {
    this.root = root;
    this.base = root.querySelector(".cd-base");
    this.live = root.querySelector(".cd-live");
    this.baseContext = this.base.getContext("2d", { alpha: false });
    this.liveContext = this.live.getContext("2d", { desynchronized: true });
    this.settled = blankCanvas(1, 1); // everything that is finished, as sharp as the screen
    this.overlay = { stroke: null, lasso: null, onion: null, cursor: null };
    this.load(story);
    new ResizeObserver(() => this.resize()).observe(root);
  }

  load(story) {
    this.story = story;
    this.view = new View(story.paper);
    this.fresh = blankCanvas(story.paper.width, story.paper.height); // ink that is not traced yet
    this.freshContext = this.fresh.getContext("2d");
    this.hasFresh = false;
    this.rawTurn = null; // the model's turn whose own pixels lie over everything
    this.shown = null; // { number, frame } while an earlier moment is looked at
    this.root.style.setProperty("--cd-aspect", `${story.paper.width} / ${story.paper.height}`);
    this.root.style.setProperty("--cd-ratio", String(story.paper.width / story.paper.height));
    this.resize();
  }

  resize() {
    this.ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, this.root.clientWidth);
    const height = Math.max(1, this.root.clientHeight);
    for (const canvas of [this.base, this.live, this.settled]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    this.view.resize(width);
    this.redraw();
  }

  /** Draws everything anew: after undo, zoom, a new size. */
  redraw() {
    const context = this.settled.getContext("2d");
    this.view.apply(context, this.ratio);
    this.story.paint(context, this.shown ?? {});
    this.compose();
    this.drawOverlay();
  }

  /** Adds finished strokes to what is there. */
  settle(strokes) {
    if (this.shown) return;
    const context = this.settled.getContext("2d");
    this.view.apply(context, this.ratio);
    strokes.forEach((stroke) => drawStroke(context, stroke));
    this.compose();
  }

  /** Lays the model's new pixels over what is finished; they stay until they are traced. */
  addFresh(bitmap, left, top) {
    this.freshContext.drawImage(bitmap, left, top);
    this.hasFresh = true;
  }

  /** Takes the pixels away that strokes have taken the place of. */
  trace(strokes) {
    this.freshContext.globalCompositeOperation = "destination-out";
    for (const stroke of strokes) drawStroke(this.freshContext, { ...stroke, size: stroke.size + TRACED_PX });
    this.freshContext.globalCompositeOperation = "source-over";
    this.settle(strokes);
  }

  clearFresh() {
    this.freshContext.clearRect(0, 0, this.fresh.width, this.fresh.height);
    this.hasFresh = false;
  }

  compose() {
    const context = this.baseContext;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.settled, 0, 0);
    if (this.shown) return;
    this.view.apply(context, this.ratio);
    context.imageSmoothingQuality = "high";
    if (this.hasFresh) context.drawImage(this.fresh, 0, 0);
    if (this.story.raw && this.rawTurn?.raw) context.drawImage(this.rawTurn.raw, 0, 0);
  }

  /** What lies above the drawing: the stroke in the hand, the lasso, locked paper, the preview. */
  drawOverlay() {
    const context = this.liveContext;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.live.width, this.live.height);
    this.view.apply(context, this.ratio);
    const { stroke, lasso, onion, cursor } = this.overlay;
    if (onion) this.drawOnion(context, onion);
    this.story.locks.forEach((polygon) => this.drawLock(context, polygon));
    if (lasso) this.drawLock(context, lasso);
    if (stroke) drawStroke(context, stroke);
    if (cursor) this.drawCursor(context, cursor);
  }

  drawOnion(context, strokes) {
    strokes.forEach((stroke) => drawStroke(context, { ...stroke, opacity: ONION_OPACITY }));
  }

  drawLock(context, polygon) {
    context.save();
    context.beginPath();
    polygon.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.fillStyle = LOCK_COLOR;
    context.strokeStyle = LOCK_EDGE;
    context.lineWidth = HAIR / this.view.scale;
    context.setLineDash([6 / this.view.scale, 4 / this.view.scale]);
    context.fill();
    context.stroke();
    context.restore();
  }

  /** The pen's place when it is moved by keys. */
  drawCursor(context, { x, y, size, down }) {
    const reach = Math.max(size, 7 / this.view.scale);
    context.save();
    context.lineWidth = HAIR / this.view.scale;
    context.strokeStyle = LOCK_EDGE;
    context.beginPath();
    context.arc(x, y, size / 2, 0, 2 * Math.PI);
    if (down) context.fill();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + dx * reach, y + dy * reach);
      context.lineTo(x + dx * 2 * reach, y + dy * 2 * reach);
    }
    context.stroke();
    context.restore();
  }
}
