// Looks at the observatory through a real browser, and says on its standard output what it has seen;
// look_test.py makes happen what there is to see. The first thing that is not as it must be ends it.
//
//   node look.mjs ADDRESS USER_TOKEN EXPIRED_TOKEN [FOLDER]      pictures go to the folder
//
// ADDRESS is what `./dev observatory` prints. The packages come from ./dev setup.
import assert from 'node:assert/strict';
import readline from 'node:readline';

import playwright from '../../.cache/playwright-core/node_modules/playwright-core/index.js';

const PATIENCE_MS = 120_000;
const LOOK_MS = 150;
const NARROW = { width: 360, height: 760 };
const WIDE = { width: 1280, height: 900 };

const [address, userToken, expiredToken, pictures] = process.argv.slice(2);
const page_url = address.split('#')[0];
const origin = new URL(address).origin;
const adminToken = new URLSearchParams(new URL(address).hash.slice(1)).get('token');

const told = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (line) => process.stdout.write(`${line}\n`);

// As root, which CI is, Chromium runs without its sandbox only.
const browser = await playwright.chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });

// A tab, and whatever it did that it must not do.
async function openTab(options = {}) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const wrongs = [];
  await context.route('**/*', (route) => {
    const url = new URL(route.request().url());
    if (url.origin === origin && !url.href.includes(adminToken)) return route.continue();
    wrongs.push(`asks for ${url.href}`);
    return route.abort();
  });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => wrongs.push(`throws ${error.message}`));
  page.on('console', (message) => {
    // A machine that is busy may leave one question without an answer.
    const busy = message.location().url.endsWith('/observatory/state') && message.text().includes('503');
    if (['error', 'warning'].includes(message.type()) && !busy) wrongs.push(`says ${message.text()}`);
  });
  return { context, page, wrongs };
}

// --- what the page shows --------------------------------------------------------------------------

const read = (page) => page.evaluate(() => {
  const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent.trim());
  const one = (selector) => texts(selector)[0];
  return {
    connection: one('#connection'),
    streams: [...document.querySelectorAll('#streams > li')].map((item) => ({
      name: item.querySelector('h3').textContent,
      heads: Number(item.querySelector('.heads strong').textContent.replaceAll(',', '')),
      train: item.querySelector('.train-text').textContent,
      mood: item.querySelector('.mood').hidden ? [] : [...item.querySelectorAll('.mood li')].map((row) => row.textContent),
      curve: item.querySelector('.spark .line').getAttribute('d'),
    })),
    heads: one('#total-heads'),
    real: one('#total-real'),
    lag: one('#total-lag'),
    flows: texts('#flows tr'),
    pools: texts('#pools tr'),
    summary: one('#summary'),
  };
});

async function until(what, page, isSo) {
  const end = Date.now() + PATIENCE_MS;
  let shown;
  for (;;) {
    shown = await read(page);
    if (isSo(shown)) return shown;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}: ${JSON.stringify(shown, null, 1)}`);
    await page.waitForTimeout(LOOK_MS);
  }
}

// What a person without a mouse or without eyes has of it.
async function checkAccess(page) {
  const tree = await page.locator('body').ariaSnapshot();
  for (const part of [/banner:/, /main:/, /contentinfo:/, /heading "Observatory" \[level=1\]/, /region "Live streams/,
    /article "Stream [0-9a-f]{8}"/, /img "Audience over .* from [\d,]+ to [\d,]+/, /img "From [\d,]+ to/,
    /button "Pause updates"/, /columnheader "In use"/, /rowheader "[0-9a-f]{8}"/, /status:/]) {
    assert.match(tree, part, `the accessibility tree lacks ${part}`);
  }
  assert.doesNotMatch(tree, /^\s*- (img|button|link|textbox|article|table)\s*:?$/m, 'something has no name');
  await page.locator('body').press('Tab');
  const path = [];
  for (let i = 0; i < 3; ++i) {
    path.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
    await page.keyboard.press('Tab');
  }
  assert.deepEqual(path, ['skip', 'pause', 'forget']);
}

// Texts that are fainter before their ground than WCAG's AA allows.
const faint = (page) => page.evaluate(() => {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parse(color).slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((parse(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('svg, .unseen')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 40)}`);
  }
  return found;
});

// On a phone and on a desk, by day and by night.
async function checkLooks(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const [size, viewport] of [['narrow', NARROW], ['wide', WIDE]]) {
      await page.setViewportSize(viewport);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${scheme} ${size}: the page is ${width} wide`);
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${size}-${scheme}.png`, fullPage: true });
    }
    assert.deepEqual(await faint(page), [], `too faint, ${scheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

// --- the steps ------------------------------------------------------------------------------------

// Who has no good token sees no data and is told why.
async function beRefused() {
  const { context, page } = await openTab();
  await page.goto(page_url);
  const form = page.locator('#sign-in');
  await form.waitFor();
  for (const [token, why] of [['garbage', /does not accept this token/], [expiredToken, /has expired/], [userToken, /no admin/]]) {
    await page.goto('about:blank');
    await page.goto(`${page_url}#token=${token}`);
    await form.waitFor();
    assert.equal(page.url(), page_url, 'a token stays in the address bar');
    assert.match(await page.locator('#sign-in-why').textContent(), why);
    assert.equal(await page.locator('#data').isVisible(), false);
  }
  assert.equal(await page.locator('#token').getAttribute('type'), 'password');
  assert.deepEqual(await faint(page), []);
  await page.locator('#token').fill(adminToken);
  await page.keyboard.press('Enter');
  await until('data after a good token', page, (shown) => shown.connection === 'Live');
  await page.reload();
  await until('data after a reload', page, (shown) => shown.connection === 'Live');
  assert.deepEqual(await context.cookies(), []);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  // Who pauses, forgets the token and comes back is not paused.
  await page.locator('#pause').click();
  await page.locator('#forget').click();
  await form.waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.locator('#token').fill(adminToken);
  await page.keyboard.press('Enter');
  await until('data after a pause', page, (shown) => shown.connection === 'Live');
  await context.close();
}

// First there is none, and then it gets somewhere.
const rises = ([none, ...states]) => none === 'No hype train' && states.length > 0 && !states.includes(undefined);

async function look(page) {
  const seen = { heads: new Set(), trains: new Set(), curve: '', mood: false, real: false, lag: false };
  await until('a moving audience, a mood and a train that rises', page, (shown) => {
    for (const stream of shown.streams) {
      seen.heads.add(stream.heads);
      seen.trains.add(stream.train.match(/^No hype train$|Level \d, \d+ %|Legendary, \d+ %/)?.[0]);
      if (stream.curve.length > seen.curve.length) seen.curve = stream.curve;
      seen.mood ||= stream.mood.length === 8 && stream.mood.some((row) => /[1-9]\d* %/.test(row));
    }
    seen.real ||= /^(\d+|under 3)$/.test(shown.real) && shown.real !== '0';
    seen.lag ||= /\d+ ms|\d+\.\d s/.test(shown.lag);
    return seen.heads.size >= 3 && rises(seen.trains) && seen.mood && seen.real && seen.lag;
  }).catch((error) => {
    throw new Error(`${JSON.stringify({ ...seen, heads: [...seen.heads], trains: [...seen.trains] })}: ${error.message}`);
  });
  assert.match(seen.curve, /^M[\d.]+ [\d.]+( L[\d.]+ [\d.]+){3,}/, 'the curve of a stream has points');
}

async function run() {
  await beRefused();
  const { page, wrongs } = await openTab();
  await page.goto(address);
  assert.equal(page.url(), page_url, 'the token stays in the address bar');
  const empty = await until('the first answer', page, (shown) => shown.connection === 'Live' && shown.pools.length > 0);
  assert.deepEqual(empty.streams, []);
  say('looking');
  await look(page);
  await checkAccess(page);
  await checkLooks(page, 'story');
  say('seen: streams, audience, mood, train');

  await told.next();
  const after = await until('the raid, and the end of all streams', page,
    (shown) => shown.streams.length === 0 && shown.flows.some((row) => row.includes('Raid')));
  assert.match(after.flows.join(), /[0-9a-f]{8} → [0-9a-f]{8}Raid\d+/);
  assert.equal(after.heads, '0');
  await checkLooks(page, 'after');
  assert.deepEqual(wrongs, []);
  say('seen: raid, and no stream any more');

  await until('that the daemon is gone', page, (shown) => shown.connection === 'Unreachable');
  assert.match(await page.locator('#notice').textContent(), /cannot be reached.*What is shown is \d+ s old/);
  assert.equal(await page.locator('#data').getAttribute('class'), 'stale');
  assert.match((await read(page)).summary, /cannot be reached/);
  await checkLooks(page, 'gone');
  say('seen: the daemon is gone');
  await until('that it is back', page, (shown) => shown.connection === 'Live');
  assert.equal(await page.locator('#notice').isVisible(), false);
  assert.match((await read(page)).summary, /^The daemon is back/);
  say('seen: the daemon is back');
}

let status = 0;
try {
  await run();
} catch (error) {
  say(`${error.message}`);
  status = 1;
}
await browser.close();
process.exit(status);
