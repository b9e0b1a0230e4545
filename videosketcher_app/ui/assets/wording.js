// The rules of core/wording.py and core/sheet.py, on the table WORDS that Python hands over.
// A part is {name, description}; spans are [start, end] in one of its two texts.

const PATTERNS = Object.fromEntries(
  Object.entries(WORDS.patterns).map(([name, source]) => [name, new RegExp(source, "i")]),
);
const everywhere = (name) => new RegExp(WORDS.patterns[name], "gi");
const NAMED_LEFT = /\bleft\b/i;
const NAMED_RIGHT = /\bright\b/i;

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
const articleOf = (words) => ("aeiou".includes(words[0]) ? "an" : "a");
const pluralOf = (shape) => shape + (shape.endsWith("s") ? "es" : "s");
const halvesOf = (shape, plural = false) => {
  const [wide, high] = WORDS.shapes[shape] ?? WORDS.unknownShape;
  return [plural ? 2 * wide : wide, high];
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function whereWords({ place, relation, other }) {
  if (relation && other) return `${relation} the ${other.toLowerCase()}`;
  if (!place) return "";
  if (place === "center") return "in the center";
  return `${place === "left" || place === "right" ? "on" : "at"} the ${place}`;
}

function writePart(layout) {
  const shape = layout.shape && (layout.plural ? pluralOf(layout.shape) : layout.shape);
  let words = [layout.size, shape].filter(Boolean).join(" ");
  if (shape && !layout.plural) words = `${articleOf(words)} ${words}`;
  return [words, whereWords(layout)].filter(Boolean).join(" ");
}

/** The layout of a part and the spans of the words that said it. */
function readPart(part, others) {
  const field = part.description ? "description" : "name";
  const text = part[field];
  const { spans: where, ...found } = readWhere(text, others);
  const layout = { shape: null, size: null, plural: false, ...found };
  const shape = firstOutside("shape", text, where);
  const size = firstOutside("size", text, where);
  if (shape) [layout.shape, layout.plural] = WORDS.shapeWords[text.slice(...shape).toLowerCase()];
  if (size) layout.size = WORDS.sizeWords[text.slice(...size).toLowerCase()];
  const nameIs = readName(part, layout);
  return { part, field, text, layout, shape, size, where, nameIs };
}

function readName(part, layout) {
  const name = part.name.toLowerCase();
  if (!layout.shape && Object.hasOwn(WORDS.shapes, name)) {
    layout.shape = name;
    return "shape";
  }
  if (!layout.place && !layout.relation && Object.hasOwn(WORDS.places, name)) {
    layout.place = name;
    return "place";
  }
  return "";
}

function readWhere(text, others) {
  const found = { place: null, relation: null, other: null, spans: [] };
  const place = PATTERNS.place.exec(text);
  if (place) {
    found.place = WORDS.placeWords[place[1].toLowerCase()];
    found.spans.push([place.index, place.index + place[0].length]);
  }
  for (const match of text.matchAll(everywhere("relation"))) {
    const end = match.index + match[0].length;
    const other = namedAt(text, end, others);
    if (other && place?.index !== match.index) {
      found.relation = match[1].toLowerCase();
      found.other = other;
      found.spans.push([match.index, end + other.length]);
      break;
    }
  }
  found.spans.sort((one, two) => one[0] - two[0]);
  return found;
}

function namedAt(text, start, names) {
  const longestFirst = [...names].sort((one, two) => two.length - one.length);
  const stands = (name) => {
    const end = start + name.length;
    const same = text.slice(start, end).toLowerCase() === name.toLowerCase();
    return same && !/^[\p{L}\p{N}]/u.test(text.slice(end));
  };
  return longestFirst.find(stands) ?? null;
}

function firstOutside(pattern, text, spans) {
  for (const match of text.matchAll(everywhere(pattern))) {
    const [start, end] = [match.index, match.index + match[0].length];
    if (spans.every(([low, high]) => end <= low || start >= high)) return [start, end];
  }
  return null;
}

/** The part with other words for shape, size or place, and all its further words as they were. */
function reworded(part, others, changes) {
  const rules = { shape: changeShape, size: changeSize, place: changePlace };
  return Object.entries(rules).reduce(
    (now, [kind, rule]) => (changes[kind] ? rule(readPart(now, others), changes[kind]) : now),
    part,
  );
}

function withText({ part, field }, text) {
  return { ...part, [field]: field === "name" ? capital(text) : text };
}

function changeShape(reading, word) {
  const { part, shape, size, where, layout, text } = reading;
  if (shape) {
    const sized = size && size[1] + 1 === shape[0];
    return withText(reading, put(text, shape, layout.plural ? pluralOf(word) : word, !sized));
  }
  if (reading.nameIs === "shape") return { ...part, name: capital(word) };
  if (!part.description && !where.length) {
    return { ...part, description: writePart({ shape: word, size: layout.size }) };
  }
  const start = where.length ? where[0][0] : text.length;
  const before = text.slice(0, start).replace(/[ ,]+$/, "");
  const words = before ? `${before}, ${word}` : word;
  return withText(reading, `${words} ${text.slice(start)}`.trim());
}

function changeSize(reading, word) {
  const { part, shape, size, where, text } = reading;
  if (size) return withText(reading, put(text, size, word));
  if (!part.description && !shape && !where.length) return { ...part, description: word };
  const start = shape ? shape[0] : PATTERNS.opening.exec(text)[0].length;
  const joint = text.slice(start).toLowerCase().startsWith("placed") ? ", " : " ";
  return withText(reading, put(text, [start, start], word + joint));
}

function changePlace(reading, word) {
  const { part, shape, size, where, text } = reading;
  const words = whereWords({ place: word });
  if (where.length) {
    const cut = where
      .slice(1)
      .reduceRight((rest, [start, end]) => rest.slice(0, start).trimEnd() + rest.slice(end), text);
    return withText(reading, put(cut, where[0], words));
  }
  if (reading.nameIs === "place") return { ...part, name: capital(word) };
  if (!part.description && !shape && !size) return { ...part, description: words };
  return withText(reading, `${text} ${words}`);
}

function put(text, [start, end], words, fixArticle = true) {
  let before = text.slice(0, start);
  const article = fixArticle && PATTERNS.article.exec(before);
  if (article) {
    const right = articleOf(words);
    before = `${before.slice(0, article.index)}${article[1][0] === "A" ? capital(right) : right} `;
  }
  return before + words + text.slice(end);
}

function othersOf(parts, index) {
  return parts.filter((_, i) => i !== index).map((part) => part.name);
}

/** Boxes {x, y, width, height} in shares of the sheet, one a part. */
function boxesOf(parts) {
  const names = parts.map((part) => part.name);
  const layouts = parts.map((part, i) => readPart(part, othersOf(parts, i)).layout);
  const keys = layouts.map((one) => JSON.stringify([one.place, one.relation, one.other?.toLowerCase()]));
  return layouts.map((layout, i) => {
    const [x, y, half] = spotOf(i, names, layouts, []);
    const same = keys.flatMap((key, k) => (key === keys[i] ? [k] : []));
    const [step, most] = WORDS.spread;
    const shift = Math.min(step, most / same.length) * (same.indexOf(i) - (same.length - 1) / 2);
    return boxAround(x + shift, y + shift / 2, half, halvesOf(layout.shape, layout.plural));
  });
}

function spotOf(index, names, layouts, above) {
  const layout = layouts[index];
  const half = WORDS.sizes[layout.size ?? WORDS.usualSize][0];
  const other = names.findIndex((name, i) => name === layout.other && i !== index);
  if (layout.relation && other >= 0 && !above.includes(other)) {
    const there = spotOf(other, names, layouts, [...above, index]);
    return relatedSpot(layout, half, there, layouts[other].shape, names[index]);
  }
  const [column, row] = WORDS.places[layout.place ?? "center"];
  return [(column + 0.5) / 3, (row + 0.5) / 3, half];
}

function relatedSpot(layout, usualHalf, [x, y, otherHalf], shape, name) {
  const [dx, dy, fit] = WORDS.relations[layout.relation];
  const side = Number(NAMED_RIGHT.test(name)) - Number(NAMED_LEFT.test(name));
  const [wide, high] = halvesOf(shape);
  let half = usualHalf;
  if (fit === "inside") half = Math.min(half, 0.5 * otherHalf);
  if (fit === "around") half = Math.max(half, 1.6 * otherHalf);
  const across = dx ? (side ? Math.abs(dx) * side : dx) : 0.5 * side * wide;
  const gap = fit === "inside" || !dx ? otherHalf : half + otherHalf;
  const rise = fit === "inside" ? otherHalf * high : half + otherHalf * high;
  return [x + (across * gap) / WORDS.aspect, y + dy * rise, half];
}

function boxAround(x, y, half, [wide, high]) {
  const margin = WORDS.margin;
  const width = Math.min((2 * half * wide) / WORDS.aspect, 1 - 2 * margin);
  const height = Math.min(2 * half * high, 1 - 2 * margin);
  return {
    x: clamp(x - width / 2, margin, 1 - margin - width),
    y: clamp(y - height / 2, margin, 1 - margin - height),
    width,
    height,
  };
}

/** The size word of a box that somebody drew for a layout's shape. */
function sizeOf(box, { shape, plural }) {
  const [wide, high] = halvesOf(shape, plural);
  const half = Math.sqrt(((box.width * WORDS.aspect) / wide) * (box.height / high)) / 2;
  const fits = Object.entries(WORDS.sizes).find(([, [, limit]]) => half <= limit);
  return fits ? fits[0] : "large";
}

/** The named place of a box's center; outside the sheet, the nearest one. */
function placeOf(box) {
  const third = (share) => clamp(Math.floor(3 * share), 0, 2);
  const column = third(box.x + box.width / 2);
  const row = third(box.y + box.height / 2);
  const here = ([, cell]) => cell[0] === column && cell[1] === row;
  return Object.entries(WORDS.places).find(here)[0];
}
