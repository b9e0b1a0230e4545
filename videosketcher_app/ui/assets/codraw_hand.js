// The hand of the person: strokes from pen or keys, sent piece by piece while they are drawn.

const SEND_MS = 30;
const MAX_POINTS = 400; // in one message
const LASSO_STEP_PX = 3;
const KEY_STEP_PX = 3;
const KEY_FAR = 6; // times as far with Shift

/**
 * Tells `desk`: mayDraw() before anything begins, drawn(stroke) when a stroke is finished,
 * locked(polygon), and asks it for `tool`, `pen`, `smooth`, `stage`, `link` and `mayTell`.
 */
class Hand {
  constructor(desk) {
    this.desk = desk;
    this.makers = []; // strokes that the server has not seen whole, oldest first
    this.maker = null; // of the stroke in the hand
    this.lasso = null;
    this.cursor = null;
    this.numStrokes = 0;
    this.pen = new Pen(desk.stage.live, this);
    setInterval(() => this.send(), SEND_MS);
  }

  get isBusy() {
    return this.maker !== null || this.lasso !== null;
  }

  touched() {
    return this.desk.mayDraw();
  }

  begin(sample, { erase }) {
    const { tool, pen, smooth, stage } = this.desk;
    if (tool === "lasso") {
      this.lasso = stage.overlay.lasso = [stage.view.toPaper(sample.x, sample.y)];
      return;
    }
    const options = { smooth, straight: tool === "line" };
    const look = { ...pen, erase: erase || tool === "eraser" };
    if (look.erase) look.size *= ERASER_SIZE;
    this.numStrokes += 1;
    this.maker = new StrokeMaker(this.numStrokes, look, options);
    this.makers.push(this.maker);
    stage.overlay.stroke = this.maker.stroke;
    this.add(sample);
  }

  add(sample) {
    const { stage } = this.desk;
    const [x, y] = stage.view.toPaper(sample.x, sample.y);
    if (this.lasso) this.stretchLasso(x, y);
    else if (this.maker) this.maker.add(x, y, sample.time / 1000, sample.pressure);
    else return;
    this.paintSoon();
  }

  /** One painting a moment of the screen, however many points a pen gives. */
  paintSoon() {
    if (this.isPainting) return;
    this.isPainting = true;
    requestAnimationFrame(() => {
      this.isPainting = false;
      this.desk.stage.drawOverlay();
    });
  }

  stretchLasso(x, y) {
    const [lastX, lastY] = this.lasso[this.lasso.length - 1];
    if (Math.hypot(x - lastX, y - lastY) >= LASSO_STEP_PX && this.lasso.length < MAX_POINTS) this.lasso.push([x, y]);
  }

  finish() {
    const { stage } = this.desk;
    if (this.lasso) {
      const polygon = this.lasso;
      this.dropLasso();
      if (polygon.length > 2) this.desk.locked(polygon);
    } else if (this.maker) {
      const { maker } = this;
      maker.finish();
      this.maker = null;
      stage.overlay.stroke = null;
      this.desk.drawn(maker.stroke);
      this.send();
    }
    stage.drawOverlay();
  }

  giveUp() {
    const { stage } = this.desk;
    this.dropLasso();
    if (this.maker) {
      const { maker } = this;
      this.makers = this.makers.filter((other) => other !== maker);
      if (maker.numTaken) this.desk.link.send({ kind: "discard", stroke: maker.stroke.id });
      this.maker = stage.overlay.stroke = null;
    }
    stage.drawOverlay();
  }

  dropLasso() {
    this.lasso = this.desk.stage.overlay.lasso = null;
  }

  moved(dx, dy) {
    this.desk.stage.view.move(dx, dy);
    this.desk.viewChanged();
  }

  zoomed(factor, x, y) {
    this.desk.stage.view.zoomAt(factor, x, y);
    this.desk.viewChanged();
  }

  /** Sends what is new, in the order of the strokes; waits while the model has its turn. */
  send() {
    while (this.makers.length && this.desk.mayTell) {
      const [maker] = this.makers;
      const points = maker.take();
      const isWhole = maker.isOver;
      for (let at = 0; at < points.length || (isWhole && at === 0); at += MAX_POINTS) {
        const end = isWhole && at + MAX_POINTS >= points.length;
        this.sendPiece(maker.stroke, points.slice(at, at + MAX_POINTS), end);
      }
      if (!isWhole) return;
      maker.stroke.isTold = true;
      this.makers.shift();
    }
  }

  sendPiece({ id, color, size, erase }, points, end) {
    const rounded = points.map((point) => point.map((value, axis) => Number(value.toFixed(axis === 2 ? 3 : 2))));
    this.desk.link.send({ kind: "pts", stroke: id, tool: erase ? "eraser" : "pen", color, size, points: rounded, end });
  }

  /** Whether everything that was drawn is on its way, so that the model would see it. */
  get isTold() {
    return !this.makers.some((maker) => maker.isOver);
  }

  /** After the line was lost: strokes that the server has not confirmed are sent once more. */
  sendAgain(strokes) {
    const again = strokes.map((stroke) => Object.assign(new StrokeMaker(0, stroke, {}), { stroke, isOver: true }));
    again.forEach(({ stroke }) => {
      this.numStrokes += 1;
      stroke.id = this.numStrokes;
    });
    if (this.maker) this.maker.numTaken = 0;
    this.makers = [...again, ...(this.maker ? [this.maker] : [])];
  }

  /** The pen in the middle of the paper, to be moved by keys; or away again. */
  toggleCursor() {
    const { width, height } = this.desk.story.paper;
    if (this.cursor?.down) this.finish();
    this.cursor = this.cursor ? null : { x: width / 2, y: height / 2, size: this.desk.pen.size, down: false };
    this.desk.stage.overlay.cursor = this.cursor;
    this.desk.stage.drawOverlay();
    return this.cursor !== null;
  }

  moveCursor(dx, dy, far) {
    const { width, height } = this.desk.story.paper;
    const step = KEY_STEP_PX * (far ? KEY_FAR : 1);
    this.cursor.x = clamp(this.cursor.x + dx * step, 0, width);
    this.cursor.y = clamp(this.cursor.y + dy * step, 0, height);
    if (this.cursor.down) this.add(this.cursorSample());
    this.desk.stage.drawOverlay();
  }

  /** Puts the pen down or lifts it; true if it is down now. */
  pressCursor() {
    if (this.cursor.down) {
      this.cursor.down = false;
      this.finish();
    } else if (this.desk.mayDraw() !== false) {
      this.cursor.down = true;
      this.begin(this.cursorSample(), { erase: false });
    }
    return this.cursor.down;
  }

  cursorSample() {
    const { view } = this.desk.stage;
    const { x, y } = this.cursor;
    return { x: x * view.scale + view.x, y: y * view.scale + view.y, time: performance.now(), pressure: 1 };
  }
}

const ERASER_SIZE = 4; // times as wide as the pen
