// The plan being edited, its history, and its one-line text. Knows no page.

const MAX_UNDO = 200;

/** The exact one-line text that models were trained on; see core/plan.py. */
function printPlan(plan) {
  const part = ({ name, description }) => (description ? name + FORM.dash + description : name);
  const steps = plan.parts.map((one, i) => `${i + 1}. ${part(one)}.`);
  return FORM.prefix + plan.concept + FORM.joint + steps.join(" ");
}

/** Concept and parts of a one-line text, or null if it is not one. */
function parsePlan(text) {
  const line = text.split(/\s+/).filter(Boolean).join(" ");
  const joint = line.indexOf(FORM.joint);
  if (!line.startsWith(FORM.prefix) || joint < 0) return null;
  const steps = line.slice(joint + FORM.joint.length);
  const marks = [...steps.matchAll(/(?:^|(?<=\. ))(\d+)\. /g)];
  const counted = marks.every((mark, i) => Number(mark[1]) === i + 1);
  if (!marks.length || marks[0].index !== 0 || !counted) return null;
  const sentences = marks.map((mark, i) =>
    steps.slice(mark.index + mark[0].length, marks[i + 1]?.index ?? steps.length).trim(),
  );
  if (!sentences.every((sentence) => sentence.endsWith("."))) return null;
  const concept = line.slice(FORM.prefix.length, joint);
  const parts = sentences.map((sentence) => parsePart(sentence.slice(0, -1)));
  const valid = concept && parts.length <= FORM.maxParts && parts.every((part) => part.name);
  return valid ? { concept, parts } : null;
}

function parsePart(sentence) {
  const [name, ...rest] = sentence.split(FORM.dash);
  return { name, description: rest.join(FORM.dash) };
}

/** Parts carry an id of their own on the page, so that rows and boxes keep their identity. */
class PlanStore {
  constructor(value) {
    this.listeners = [];
    this.nextId = 1;
    this.selected = null;
    this.load(value);
  }

  /** Takes a plan from Python; a new concept begins a new history. */
  load(value) {
    const plan = value && Array.isArray(value.parts) ? value : { concept: "", parts: [] };
    if (plan.concept !== this.plan?.concept) this.past = [];
    else this.past.push(this.plan);
    this.future = [];
    this.draft = null;
    this.plan = { ...plan, parts: this.identified(plan.parts) };
  }

  identified(parts) {
    const known = this.plan?.parts ?? [];
    return parts.map((part, i) => ({
      name: String(part.name ?? ""),
      description: String(part.description ?? ""),
      id: known[i]?.name === part.name ? known[i].id : this.nextId++,
    }));
  }

  /** What the page shows: the draft of a drag that is not over, else the plan. */
  get parts() {
    return this.draft ?? this.plan.parts;
  }

  get value() {
    const parts = this.plan.parts.map(({ name, description }) => ({ name, description }));
    return { ...this.plan, parts };
  }

  index(id) {
    return this.parts.findIndex((part) => part.id === id);
  }

  preview(parts) {
    this.draft = parts;
    this.tell({ saved: false });
  }

  /** One more step of history; steps of the same `group` in a row count as one. */
  commit(change, group = null) {
    const next = { ...this.plan, ...change };
    this.draft = null;
    if (JSON.stringify(next) !== JSON.stringify(this.plan)) {
      if (!group || group !== this.group) this.past = [...this.past, this.plan].slice(-MAX_UNDO);
      this.future = [];
      this.plan = next;
      this.group = group;
    }
    this.tell({ saved: true });
  }

  undo() {
    this.travel(this.past, this.future);
  }

  redo() {
    this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return;
    to.push(this.plan);
    this.plan = from.pop();
    this.group = null;
    this.draft = null;
    this.tell({ saved: true });
  }

  move(id, target) {
    const parts = [...this.plan.parts];
    const index = parts.findIndex((part) => part.id === id);
    const [part] = parts.splice(index, 1);
    parts.splice(clamp(target, 0, parts.length), 0, part);
    this.commit({ parts });
  }

  add(part, at = this.plan.parts.length) {
    if (this.plan.parts.length >= FORM.maxParts) return null;
    const added = { ...part, id: this.nextId++ };
    this.selected = added.id;
    const parts = [...this.plan.parts];
    parts.splice(at, 0, added);
    this.commit({ parts });
    return added;
  }

  remove(id) {
    if (this.selected === id) this.selected = null;
    this.commit({ parts: this.plan.parts.filter((part) => part.id !== id) });
  }

  edit(id, change, group = null) {
    const parts = this.plan.parts.map((part) => (part.id === id ? { ...part, ...change } : part));
    this.commit({ parts }, group);
  }

  /** The parts with one of them in other words for shape, size or place. */
  rewordedParts(id, changes) {
    const parts = this.plan.parts;
    return parts.map((part, i) =>
      part.id === id ? { ...part, ...reworded(part, othersOf(parts, i), changes) } : part,
    );
  }

  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.tell({ saved: false });
  }

  tell(news) {
    this.listeners.forEach((listener) => listener(news));
  }
}
