// A grid of sheets. Python sends what each sheet shows; elements stay, so nothing flickers and
// whoever is on a button stays there. All words arrive as text, never as HTML.
const grid = element.querySelector('.vv-grid');
const root = window.gradio_config?.root ?? '';

function addressed(url) {
  return url.startsWith('data:') ? url : `${root}/${url}`;
}

function make(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

function button(what, sheet, text) {
  const made = make('button', 'vv-button', text);
  made.type = 'button';
  made.dataset.do = what;
  made.addEventListener('click', () => trigger(what, { index: sheet.index }));
  return made;
}

function newSheet(sheet) {
  const item = make('li', 'vv-sheet');
  const paper = make('div', 'vv-paper');
  const picture = make('img', '');
  picture.hidden = true;
  paper.append(picture, make('span', 'vv-best', TEXT.best));
  const link = make('a', 'vv-button', TEXT.download);
  const bar = make('div', 'vv-bar');
  bar.append(button('show', sheet, TEXT.open), button('take', sheet, TEXT.take), link);
  item.append(paper, make('strong', 'vv-seed'), make('span', 'vv-words'), bar);
  return item;
}

function named(text, sheet) {
  return text.replace('{number}', sheet.index + 1);
}

function show(item, sheet) {
  item.dataset.state = sheet.state;
  item.classList.toggle('vv-is-best', sheet.best);
  const picture = item.querySelector('img');
  picture.hidden = !sheet.picture;
  if (sheet.picture && picture.dataset.shown !== sheet.picture) {
    picture.dataset.shown = sheet.picture;
    picture.src = addressed(sheet.picture);
  }
  picture.alt = sheet.alt;
  item.querySelector('.vv-best').hidden = !sheet.best;
  item.querySelector('.vv-seed').textContent = sheet.seed;
  item.querySelector('.vv-words').textContent = sheet.words;
  item.querySelector('.vv-bar').hidden = !sheet.video;
  item.querySelector('[data-do=show]').setAttribute('aria-label', named(TEXT.open_named, sheet));
  item.querySelector('[data-do=take]').setAttribute('aria-label', named(TEXT.take_named, sheet));
  const link = item.querySelector('a');
  if (sheet.video) link.href = addressed(sheet.video);
  link.download = sheet.name;
  link.setAttribute('aria-label', named(TEXT.download_named, sheet));
}

function render() {
  const sheets = props.value?.sheets ?? [];
  grid.hidden = !sheets.length;
  while (grid.children.length > sheets.length) grid.lastChild.remove();
  for (const sheet of sheets) {
    if (!grid.children[sheet.index]) grid.append(newSheet(sheet));
    show(grid.children[sheet.index], sheet);
  }
}

watch('value', render);
render();
