// What the server tells. News of a turn waits for the frames before it, so that all is shown in order.

const INK = 1;
const RAW = 2;
const PICTURE = 3;
const HEADER = 13; // bytes of a tile before its picture
const ACK_FRAMES = 4;

class Hearing {
  constructor(desk) {
    this.desk = desk;
    this.pace = new Pace(desk.story.fps, () => this.painted());
    this.turn = null; // { number, shown, told, isStopping } while the model has its turn
    this.behind = -1; // frames up to this one were shown before the page was loaded again
    this.ordered = new Set(["state", "began", "ink", "ended", "failed", "onion", "copied"]);
  }

  /** One message. */
  receive(message) {
    const act = () => this[`on_${message.kind}`]?.(message);
    const isEnd = message.kind === "ended" || message.kind === "failed";
    if (this.ordered.has(message.kind)) this.pace.add({ run: act, turn: message.turn, isEnd });
    else act();
  }

  /** One tile: decoded at once, shown in its time. */
  paint(view) {
    const kind = view.getUint8(0);
    const turn = view.getUint32(1);
    const frame = view.getUint32(5);
    const hasPicture = view.byteLength > HEADER;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + HEADER);
    const type = kind === RAW ? "image/jpeg" : "image/png";
    const picture = hasPicture ? createImageBitmap(new Blob([bytes], { type })) : null;
    const place = [view.getUint16(9), view.getUint16(11)];
    const run = () => this.show({ kind, turn, frame, picture, place });
    const isTimed = kind === INK && frame > this.behind;
    this.pace.add(isTimed ? { run, turn, frame } : { run, turn });
  }

  async show({ kind, turn, frame, picture, place }) {
    const bitmap = await picture;
    const { stage, story } = this.desk;
    if (kind === PICTURE) {
      const picture = blankCanvas(story.paper.width, story.paper.height);
      picture.getContext("2d").drawImage(bitmap, 0, 0);
      story.put({ number: turn, picture });
    } else if (this.turn?.number === turn && !this.turn.isStopping) {
      if (bitmap && kind === RAW) story.rawLayer(story.put({ number: turn })).drawImage(bitmap, ...place);
      else if (bitmap) stage.addFresh(bitmap, ...place);
      if (kind === INK) {
        this.turn.shown = frame;
        story.put({ number: turn, frames: frame + 1 });
      }
    }
    bitmap?.close();
  }

  painted() {
    const { stage, link } = this.desk;
    stage.compose();
    this.desk.numPainted += 1;
    if (!this.turn || this.turn.shown < 0) return;
    const { number, shown, told } = this.turn;
    if (shown - told < ACK_FRAMES && this.pace.numFrames) return;
    this.turn.told = shown;
    link.send({ kind: "shown", turn: number, frame: shown });
  }

  /** The person wants the pen: nothing later than what is on the paper was ever drawn. */
  stop() {
    const { turn, desk } = this;
    if (!turn || turn.isStopping) return;
    turn.isStopping = true;
    desk.link.send({ kind: "stop", turn: turn.number ?? 0, shown: turn.shown });
    const ended = this.pace.items.some((item) => item.isEnd && item.turn === turn.number);
    this.pace.drop(turn.number);
    if (ended) this.finish();
  }

  /** Forgets what was under way: the line was lost, or another drawing is opened. */
  reset() {
    this.pace.clear();
    this.turn = null;
    this.behind = -1;
    this.desk.stage.clearFresh();
    this.desk.stage.rawTurn = null;
  }

  finish() {
    this.turn = null;
    this.behind = -1;
    this.desk.stage.rawTurn = null;
    this.desk.turnOver();
  }

  on_session({ session }) {
    this.desk.opened(session);
  }

  on_welcome() {
    this.desk.welcome();
  }

  on_gone() {
    if (!this.desk.story.isBlank || this.desk.wasHere) this.desk.told(say("no_session"));
  }

  on_models(message) {
    this.desk.models.told(message);
  }

  on_reworded() {
    if (this.turn) this.desk.told(say("reworded"));
  }

  on_again({ shown }) {
    this.behind = shown;
  }

  on_state(state) {
    this.desk.loaded(state);
  }

  on_waiting({ position }) {
    this.desk.told(say(position ? "waiting" : "drawing", { position }));
  }

  on_began({ turn, parent, fps }) {
    const { story, stage } = this.desk;
    const before = parent ?? 0;
    if (story.pending.length && before !== story.head) {
      story.put({ number: before, parent: story.head, hand: "you", strokes: story.pending });
      story.pending = [];
    }
    const isStopping = this.turn?.isStopping ?? false;
    this.turn = { number: turn, shown: -1, told: -1, isStopping };
    stage.rawTurn = story.put({ number: turn, parent: before, hand: "model", strokes: [], frames: 0 });
    story.head = turn;
    this.pace.fps = fps;
    if (isStopping) this.desk.link.send({ kind: "stop", turn, shown: -1 });
    else this.desk.turnBegan();
  }

  on_ink({ turn, strokes }) {
    if (this.turn?.number !== turn || this.turn.isStopping) return;
    const { story, stage } = this.desk;
    const traced = strokes.map((stroke) => strokeOf(stroke, "model"));
    story.put({ number: turn }).strokes.push(...traced);
    stage.trace(traced);
  }

  on_ended({ turn, num_frames, ending, seconds }) {
    const { story } = this.desk;
    if (num_frames) story.cut(story.put({ number: turn, frames: num_frames }), num_frames - 1);
    this.desk.told(say(ending === "stopped" ? "stopped" : "ready"));
    this.desk.lastTurn = { ending, seconds };
    this.finish();
  }

  on_failed({ message, hint }) {
    this.desk.told(`${message} ${hint}`, true);
    this.finish();
  }

  on_parts({ parts }) {
    this.desk.plan.show(parts);
  }

  on_got({ stroke }) {
    const told = this.desk.story.pending.find((one) => one.id === stroke);
    if (told) told.isKept = true;
  }

  on_onion({ on, strokes }) {
    this.desk.showOnion(on ? strokes.map((stroke) => strokeOf(stroke, "model")) : null);
  }

  on_copied({ likeness }) {
    this.desk.told(say("tutor_compare", { percent: Math.round(100 * likeness) }));
  }

  on_file(message) {
    this.desk.files.fetched(message);
  }

  on_moved() {
    this.desk.told(say("moved"), true);
  }

  on_error({ code, message, hint }) {
    this.desk.failed(code, `${message} ${hint}`.trim());
  }
}
