// Asks the daemon every two seconds how the live streams are, and draws it. Everything that comes
// from it enters the page as text.
const POLL_MS = 2000;
const ANSWER_MS = 5000;
const GAP_MS = 15000; // for so long nothing was heard: the curve has a hole
const POINTS_MOST = 900; // half an hour of one stream
const TELL_MS = 20000; // how often a screen reader is told of what changed
const TOKEN_KEY = 'observatory.token';
const MOODS = ['Excited', 'Supportive', 'Critical', 'Curious', 'Surprised', 'Amused', 'Bored', 'Hostile'];
const LEVELS = 6;
const SVG = 'http://www.w3.org/2000/svg';

const byId = (id) => document.getElementById(id);

// --- words ----------------------------------------------------------------------------------------

const number = new Intl.NumberFormat('en');
const count = (n) => number.format(n);
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
const percent = (share) => `${Math.round(100 * share)} %`;

function span(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

function lag(seconds) {
  return seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
}

// Level1 as people say it.
const levelName = (word) => word.replace(/(\d)/, ' $1');

// --- the document ---------------------------------------------------------------------------------

// Only what differs is touched, so that nobody who reads or selects is disturbed.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

function make(tag, className = '', text = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function makeSvg(tag, attributes, text = '') {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

// Makes the children of `parent` those of `items`, keeping the elements of keys that stay.
function keep(parent, items, keyOf, create, update) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = there.get(key);
    there.delete(key);
    if (!child) {
      child = create(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const gone of there.values()) gone.remove();
}

// --- curves ---------------------------------------------------------------------------------------

// Points of a curve: {at (ms), heads, real}. It begins when this page was opened.
class Series {
  constructor() {
    this.points = [];
  }

  add(point) {
    this.points.push(point);
    if (this.points.length > POINTS_MOST) this.points.shift();
  }

  get first() {
    return this.points[0];
  }

  get last() {
    return this.points.at(-1);
  }

  // While nothing was heard, nothing is drawn.
  parts() {
    const parts = [];
    let before = null;
    for (const point of this.points) {
      if (!before || point.at - before.at > GAP_MS) parts.push([]);
      parts.at(-1).push(point);
      before = point;
    }
    return parts;
  }

  // The outline of `field` and the area under it, in a box of that size from 0 to `most`.
  paths(field, width, height, most) {
    const begin = this.first.at;
    const length = Math.max(this.last.at - begin, 10 * POLL_MS);
    const x = (point) => ((width * (point.at - begin)) / length).toFixed(1);
    const y = (point) => (height - 1 - ((height - 4) * (point[field] ?? 0)) / most).toFixed(1);
    let line = '';
    let area = '';
    for (const part of this.parts()) {
      const outline = part.map((point) => `${x(point)} ${y(point)}`).join(' L');
      line += `M${outline} `;
      area += `M${x(part[0])} ${height} L${outline} L${x(part.at(-1))} ${height} Z `;
    }
    return { line, area };
  }

  most(field) {
    return this.points.reduce((most, point) => Math.max(most, point[field] ?? 0), 1);
  }

  seconds() {
    return (this.last.at - this.first.at) / 1000;
  }
}

const all = new Series();
const ofStream = new Map();

function remember(state, at) {
  all.add({ at, heads: state.heads, real: state.truth.real });
  const live = new Set(state.streams.map((stream) => stream.stream));
  for (const id of ofStream.keys()) if (!live.has(id)) ofStream.delete(id);
  for (const stream of state.streams) {
    if (!ofStream.has(stream.stream)) ofStream.set(stream.stream, new Series());
    ofStream.get(stream.stream).add({ at, heads: stream.heads });
  }
}

// --- what is drawn --------------------------------------------------------------------------------

function drawTotals(state) {
  const streams = state.streams.length + state.other_streams.count;
  setText(byId('total-streams'), count(streams));
  const paused = state.streams.filter((stream) => stream.paused).length;
  setText(byId('total-streams-note'), paused ? `${count(paused)} paused` : '');
  setText(byId('total-heads'), count(state.heads));
  setText(byId('total-heads-note'), `at most ${count(all.most('heads'))} since this page was opened`);

  const trains = state.streams.filter((stream) => stream.train);
  setText(byId('total-trains'), count(trains.length));
  const highest = trains.reduce((a, b) => (a && a.train.number >= b.train.number ? a : b), null);
  setText(byId('total-trains-note'), highest ? `the highest at ${levelName(highest.train.level)}` : 'none runs');

  const { truth } = state;
  const known = truth.real !== undefined;
  setText(byId('total-real'), known ? count(truth.real) : `under ${truth.real_fewer_than}`);
  setText(byId('total-real-note'), !known ? 'too few to tell'
    : `of ${plural(truth.heads, 'viewer')}${truth.heads ? `, ${percent(truth.real / truth.heads)}` : ''}; `
      + `${count(truth.heads - truth.real)} simulated`);

  const heard = state.streams.filter((stream) => stream.pulses);
  const worst = heard.reduce((most, stream) => Math.max(most, stream.pulses.lag_seconds), 0);
  const last = heard.reduce((least, stream) => Math.min(least, stream.pulses.seconds_ago), Infinity);
  setText(byId('total-lag'), heard.length ? lag(worst) : '–');
  setText(byId('total-lag-note'), heard.length ? `at worst; the last pulse ${span(last)} ago` : 'no real crowd is heard');
}

function drawChart() {
  const most = all.most('heads');
  const heads = all.paths('heads', 600, 120, most);
  const chart = byId('chart');
  chart.querySelector('.area').setAttribute('d', heads.area);
  chart.querySelector('.line').setAttribute('d', heads.line);
  chart.querySelector('.real').setAttribute('d', all.paths('real', 600, 120, most).area);
  const text = `From ${count(all.first.heads)} to ${plural(all.last.heads, 'viewer')} in ${span(all.seconds())}, at most ${count(most)}`;
  setText(byId('chart-text'), text);
  setText(byId('chart-span'), `the last ${span(all.seconds())}`);
  setText(byId('chart-low'), `${span(all.seconds())} ago: ${count(all.first.heads)}`);
  setText(byId('chart-high'), `now: ${count(all.last.heads)}, at most ${count(most)}`);
}

function makeMood(name) {
  const row = make('li');
  row.append(make('span', 'name', name), make('span', 'bar'), make('span', 'value'));
  row.children[1].append(make('span'));
  return row;
}

function setGauge(gauge, share) {
  gauge.querySelector('.bar > span').style.width = `${(100 * share).toFixed(0)}%`;
  setText(gauge.querySelector('.value'), percent(share));
}

function makeStream(stream) {
  const item = byId('stream').content.firstElementChild.cloneNode(true);
  const heading = item.querySelector('h3');
  heading.id = `stream-${stream.stream}`;
  item.querySelector('article').setAttribute('aria-labelledby', heading.id);
  item.querySelector('.mood').append(...MOODS.map(makeMood));
  for (let level = 0; level < LEVELS; ++level) item.querySelector('.levels').append(make('li'));
  for (const level of item.querySelectorAll('.levels li')) level.append(make('span'));
  return item;
}

function drawStream(item, stream) {
  const part = (selector) => item.querySelector(selector);
  const series = ofStream.get(stream.stream);
  setText(part('h3'), `Stream ${stream.stream}`);
  setText(part('.about'), [stream.streamer, `game ${stream.game}`, ...stream.tags,
    stream.paused ? 'paused' : `live for ${span(stream.seconds)}`].join(' · '));
  setText(part('.heads strong'), count(stream.heads));
  const change = stream.heads - series.first.heads;
  setText(part('.trend'), `${change > 0 ? '+' : change < 0 ? '−' : '±'}${count(Math.abs(change))} in ${span(series.seconds())}; peak ${count(stream.peak_heads)}`);
  const most = series.most('heads');
  const { line, area } = series.paths('heads', 200, 48, most);
  part('.spark .line').setAttribute('d', line);
  part('.spark .area').setAttribute('d', area);
  setText(part('.spark title'), `Audience over ${span(series.seconds())}: from ${count(series.first.heads)} to ${count(stream.heads)}, at most ${count(most)}`);
  setGauge(part('.excitement'), stream.excitement);
  drawTrain(part('.train'), stream.train);
  drawMood(item, stream);
}

function drawTrain(element, train) {
  setAttribute(element, 'data-runs', train ? 'yes' : 'no');
  setText(element.querySelector('.train-text'), train
    ? `Hype train: ${levelName(train.level)}, ${percent(train.progress)} to the next; ${span(train.seconds_left)} left`
    : 'No hype train');
  setHidden(element.querySelector('.levels'), !train);
  if (!train) return;
  [...element.querySelectorAll('.levels li > span')].forEach((fill, index) => {
    const share = index + 1 < train.number ? 1 : index + 1 === train.number ? train.progress : 0;
    fill.style.width = `${(100 * share).toFixed(0)}%`;
  });
}

function drawMood(item, stream) {
  const felt = MOODS.some((name) => stream.mood[name] > 0);
  setHidden(item.querySelector('.quiet'), felt);
  setHidden(item.querySelector('.mood'), !felt);
  [...item.querySelectorAll('.mood li')].forEach((row, index) => setGauge(row, stream.mood[MOODS[index]] ?? 0));
  const { pulses } = stream;
  setHidden(item.querySelector('.pulses'), !pulses);
  if (!pulses) return;
  setText(item.querySelector('.pulses'), `${plural(pulses.applied, 'pulse')}; the last ${span(pulses.seconds_ago)} ago, ${lag(pulses.lag_seconds)} after it was sent`);
}

function drawStreams(state) {
  keep(byId('streams'), state.streams, (stream) => stream.stream, makeStream, drawStream);
  setHidden(byId('streams-none'), state.streams.length > 0);
  const others = state.other_streams;
  setText(byId('streams-note'), others.count ? `the ${count(state.streams.length)} largest` : '');
  setHidden(byId('streams-others'), others.count === 0);
  setText(byId('streams-others'), `${plural(others.count, 'more stream')} with ${plural(others.heads, 'viewer')} at the last round`);
}

// --- flows ----------------------------------------------------------------------------------------

function makeFlow() {
  const row = make('tr');
  const head = make('th');
  head.scope = 'row';
  row.append(head, make('td'), make('td', 'number'), make('td', 'number'));
  return row;
}

function drawFlow(row, flow) {
  const [way, kind, heads, last] = row.children;
  setText(way, `${flow.from} → ${flow.to}`);
  setText(kind, `${flow.kind === 'raid' ? 'Raid' : 'Migration'}${flow.times > 1 ? `, ${flow.times} times` : ''}`);
  setText(heads, count(flow.heads));
  setText(last, `${span(flow.seconds_ago)} ago`);
}

// Where the crowds of one side begin and end: {id: {heads, thick, used, y}}, and how high all are.
function columnOf(flows, side, thick, gap, least) {
  const nodes = new Map();
  for (const flow of flows) {
    const node = nodes.get(flow[side]) ?? { heads: 0, thick: 0, used: 0 };
    node.heads += flow.heads;
    node.thick += thick(flow.heads);
    nodes.set(flow[side], node);
  }
  let height = 0;
  for (const node of nodes.values()) {
    node.y = height;
    height += Math.max(node.thick, least) + gap;
  }
  return { nodes, height };
}

// The streams left and right, and between them bands as wide as the crowds that went.
function drawFlowPicture(flows) {
  const picture = byId('flow-picture');
  const width = Math.max(picture.clientWidth, 260);
  const [gap, least, names] = [10, 16, 118];
  const sum = flows.reduce((heads, flow) => heads + flow.heads, 0);
  const thick = (heads) => Math.max((heads * 140) / Math.max(sum, 1), 2);
  const from = columnOf(flows, 'from', thick, gap, least);
  const to = columnOf(flows, 'to', thick, gap, least);
  const [left, right, middle] = [names, width - names, width / 2];
  const bands = flows.map((flow) => {
    const [a, b, t] = [from.nodes.get(flow.from), to.nodes.get(flow.to), thick(flow.heads)];
    const [y, z] = [a.y + a.used, b.y + b.used];
    a.used += t;
    b.used += t;
    return makeSvg('path', { class: flow.kind,
      d: `M${left} ${y} C${middle} ${y} ${middle} ${z} ${right} ${z} v${t} C${middle} ${z + t} ${middle} ${y + t} ${left} ${y + t} Z` });
  });
  const labels = (column, x, textX, anchor, sign) => [...column.nodes].flatMap(([id, node]) => [
    makeSvg('rect', { x, y: node.y, width: 4, height: node.thick }),
    makeSvg('text', { x: textX, y: node.y + Math.max(node.thick, least) / 2 + 4, 'text-anchor': anchor },
      `${id} ${sign}${count(node.heads)}`)]);
  setAttribute(picture, 'height', String(Math.max(from.height, to.height)));
  picture.replaceChildren(...bands, ...labels(from, left - 4, left - 8, 'end', '−'), ...labels(to, right, right + 8, 'start', '+'));
}

let drawnFlows = '';
let lastFlows = [];
new ResizeObserver(() => drawFlowPicture(lastFlows)).observe(byId('flows-some'));

function drawFlows(state) {
  const { flows } = state;
  setHidden(byId('flows-some'), flows.length === 0);
  setHidden(byId('flows-none'), flows.length > 0);
  setText(byId('flows-note'), `of the last ${span(state.flow_window_seconds).replace(' 0 s', '')}`);
  setHidden(byId('flows-others'), state.other_flow_heads === 0);
  setText(byId('flows-others'), `${plural(state.other_flow_heads, 'viewer')} more on other ways`);
  keep(byId('flows'), flows, (flow) => `${flow.kind} ${flow.from} ${flow.to}`, makeFlow, drawFlow);
  const now = flows.map((flow) => [flow.kind, flow.from, flow.to, flow.heads]).join();
  lastFlows = flows;
  if (now !== drawnFlows) drawFlowPicture(flows);
  drawnFlows = now;
}

// --- pools ----------------------------------------------------------------------------------------

function makePool() {
  const row = make('tr');
  const head = make('th');
  head.scope = 'row';
  const use = make('td');
  const box = make('div', 'pool-bar');
  const bar = make('span', 'bar');
  bar.append(make('span'));
  box.append(make('span', 'value-text'), bar);
  use.append(box);
  row.append(head, use, make('td', 'number'));
  return row;
}

function drawPool(row, game) {
  setText(row.children[0], game.game);
  const share = game.members ? game.taken / game.members : 0;
  setText(row.querySelector('.value-text'), `${count(game.taken)} of ${count(game.members)} (${(100 * share).toFixed(1)} %)`);
  row.querySelector('.bar > span').style.width = `${(100 * share).toFixed(1)}%`;
  setText(row.children[2], count(game.streams));
}

function drawPools(state) {
  keep(byId('pools'), state.games, (game) => game.game, makePool, drawPool);
  setHidden(byId('pools-others'), state.other_games === 0);
  setText(byId('pools-others'), `${plural(state.other_games, 'more game')} with a pool`);
}

// --- what a screen reader is told -----------------------------------------------------------------

let told = '';
let toldAt = -Infinity;

function tell(text, now, urgent = false) {
  if (text === told || (!urgent && now - toldAt < TELL_MS)) return;
  told = text;
  toldAt = now;
  setText(byId('summary'), text);
}

function summaryOf(state) {
  const trains = state.streams.filter((stream) => stream.train);
  const streams = state.streams.length + state.other_streams.count;
  const parts = [plural(streams, 'live stream'), plural(state.heads, 'viewer')];
  for (const { stream, train } of trains.slice(0, 3)) parts.push(`stream ${stream} has a hype train at ${levelName(train.level)}`);
  return `${parts.join(', ')}.`;
}

// --- the conversation with the daemon -------------------------------------------------------------

let token = null;
let worked = false; // this token did
let paused = false;
let asking = null; // the controller of the question that waits for its answer
let timer = 0;
let lastAt = null; // when the last answer came
let lostSince = null;

function show(kind, text) {
  setAttribute(byId('connection'), 'data-state', kind);
  setText(byId('connection-text'), text);
}

function notice(text) {
  setText(byId('notice'), text);
  setHidden(byId('notice'), !text);
}

function setStale(stale) {
  byId('data').classList.toggle('stale', stale);
}

function readStored() {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null; // a browser that stores nothing
  }
}

function store(value) {
  try {
    if (value === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, value);
  } catch {
    // It stays in memory.
  }
}

function useToken(value) {
  token = value;
  worked = false;
  store(value);
  setHidden(byId('forget'), value === null);
}

// A link's fragment never leaves the browser; nor does it stay in the address bar or the history.
function takeTokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (found === null) return false;
  history.replaceState(null, '', location.pathname + location.search);
  useToken(found.trim() || null);
  return true;
}

// When the token says that it ends, in ms; null when it says nothing that can be read.
function expiryOf(jwt) {
  try {
    const claims = jwt.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(claims));
    return Number.isFinite(exp) ? 1000 * exp : null;
  } catch {
    return null;
  }
}

function pause(on) {
  paused = on;
  byId('pause').setAttribute('aria-pressed', String(on));
}

function askForToken(why) {
  stop();
  if (token !== null) useToken(null);
  setText(byId('sign-in-why'), why);
  setHidden(byId('sign-in'), false);
  setHidden(byId('pause'), true);
  pause(false);
  setHidden(byId('data'), lastAt === null);
  setStale(true);
  notice('');
  show('lost', 'No access');
  byId('token').focus();
}

function whyRefused(status) {
  if (token === null) return '';
  if (status === 403) return 'This token is good, but its bearer is no admin: it lacks the role admin.';
  const expiry = expiryOf(token);
  if (expiry !== null && expiry <= Date.now()) {
    return `The token has expired, at ${new Date(expiry).toLocaleTimeString('en-GB')}. A new one is needed.`;
  }
  return worked ? 'The daemon does not accept the token any more. A new one is needed.'
    : 'The daemon does not accept this token: is it whole, and of this daemon’s issuer?';
}

function lost(text, now) {
  lostSince ??= now;
  setStale(true);
  show('lost', text.pill);
  const age = lastAt === null ? '' : ` What is shown is ${span((now - lastAt) / 1000)} old.`;
  notice(`${text.notice}${age} It is asked again every ${POLL_MS / 1000} seconds.`);
  tell(text.notice, now, lostSince === now);
}

const UNREACHABLE = { pill: 'Unreachable', notice: 'The daemon cannot be reached.' };
const DISABLED = { pill: 'Switched off', notice: 'The daemon is switched off (STREAMING_ENABLED is false): there are no streams.' };
const NO_SERVERS = { pill: 'Not available', notice: 'The daemon runs, but cannot tell: it is starting, or Redis or MySQL does not answer.' };
const BUSY = { pill: 'Busy', notice: 'The daemon has too much to do to tell.' };
const REASONS = { SERVICE_DISABLED: DISABLED, OVERLOADED: BUSY };

function draw(state, now) {
  remember(state, now);
  drawTotals(state);
  drawChart();
  drawStreams(state);
  drawFlows(state);
  drawPools(state);
}

function answered(state, now) {
  const back = lostSince !== null;
  lastAt = now;
  lostSince = null;
  worked = true;
  setHidden(byId('sign-in'), true);
  setHidden(byId('pause'), false);
  setHidden(byId('data'), false);
  setStale(false);
  notice('');
  show('live', 'Live');
  draw(state, now);
  tell(`${back ? 'The daemon is back. ' : ''}${summaryOf(state)}`, now, back);
}

function judge(response, body, now) {
  if (body === null) return lost(UNREACHABLE, now);
  if (response.ok) return answered(body, now);
  if (response.status === 401 || response.status === 403) return askForToken(whyRefused(response.status));
  return lost(REASONS[body.reason] ?? NO_SERVERS, now);
}

async function ask() {
  const mine = new AbortController();
  asking = mine;
  const deadline = setTimeout(() => mine.abort(), ANSWER_MS);
  let response = null;
  let body = null;
  try {
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    response = await fetch('observatory/state', { headers, cache: 'no-store', signal: mine.signal });
    body = await response.json();
  } catch {
    // Refused, cut off, too late, or not from the daemon at all.
  }
  clearTimeout(deadline);
  if (asking !== mine) return; // somebody has stopped it
  asking = null;
  timer = setTimeout(next, POLL_MS);
  judge(response, body, performance.now());
}

// Nobody is asked for a page that nobody sees.
function next() {
  clearTimeout(timer);
  if (asking || paused || document.hidden || !byId('sign-in').hidden) return;
  ask();
}

function stop() {
  clearTimeout(timer);
  const before = asking;
  asking = null;
  before?.abort();
}

// --- what a person does ---------------------------------------------------------------------------

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = byId('token');
  const given = field.value.trim().replace(/^Bearer\s+/i, '');
  field.value = '';
  if (!given) return;
  useToken(given);
  setHidden(byId('sign-in'), true);
  show('waiting', 'Connecting…');
  next();
});

byId('pause').addEventListener('click', () => {
  pause(!paused);
  if (paused) {
    stop();
    show('paused', 'Paused');
  } else {
    show('waiting', 'Connecting…');
    next();
  }
});

byId('forget').addEventListener('click', () => {
  lastAt = null;
  askForToken('The token is forgotten.');
});

document.addEventListener('visibilitychange', next);
window.addEventListener('hashchange', () => {
  if (!takeTokenFromAddress()) return;
  stop();
  setHidden(byId('sign-in'), true);
  next();
});

if (!takeTokenFromAddress()) {
  token = readStored();
  setHidden(byId('forget'), token === null);
}
next();
