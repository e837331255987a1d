// node classifier.mjs VADER_FOLDER SENTIMENT_FOLDER OUR_SPEED LINES [DATA]: what npm's vader-sentiment
// and sentiment make of the lines that classifier_bench was measured on, in rows of the same table.
//
// Both tell good from bad and no more. "polarity" asks whether a line of Excited, Supportive or Amused
// is at least 0 and one of Critical or Hostile below. For accuracy and macro-F1 over seven categories
// negative, zero and positive each stand for the category that suits them best, found with the answers
// in hand: more than they could know. A line has the more feeling the further it is from 0 (AUC), and
// the more hostility the further below.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const CATEGORIES = ['Excited', 'Supportive', 'Critical', 'Curious', 'Surprised', 'Amused', 'Hostile'];
const GOOD = new Set(['Excited', 'Supportive', 'Amused']);
const BAD = new Set(['Critical', 'Hostile']);
const SECONDS = 2;

const [vaderFolder, sentimentFolder, ourSpeed, linesFile, data] = process.argv.slice(2);
const load = (folder, name) => createRequire(`${process.cwd()}/${folder}/`)(name);
const { SentimentIntensityAnalyzer } = load(vaderFolder, 'vader-sentiment');
const Sentiment = load(sentimentFolder, 'sentiment');
const sentiment = new Sentiment();
const CLASSIFIERS = {
  'vader-sentiment': (text) => SentimentIntensityAnalyzer.polarity_scores(text).compound,
  sentiment: (text) => sentiment.analyze(text).comparative,
};

const split = (file) => readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
const ownLines = (file) =>
  split(file).map((line) => ({ label: line.split('\t', 1)[0], text: line.slice(line.indexOf('\t') + 1) }));
const dataLines = (file) =>
  split(file).map((line) => JSON.parse(line)).map(({ label8, text }) => ({ label: label8, text }));

const sideOf = (score) => (score > 0 ? 2 : score < 0 ? 0 : 1);

// Of all ways to name the three sides, the one with the best macro-F1.
function bestNames(answers) {
  const counts = CATEGORIES.map(() => [0, 0, 0]);
  let all = 0;
  for (const { label, score } of answers) {
    if (label === 'None') continue;
    all += 1;
    if (label !== 'Bored') counts[CATEGORIES.indexOf(label)][sideOf(score)] += 1;
  }
  const sides = [0, 1, 2].map((side) => counts.reduce((sum, row) => sum + row[side], 0));
  let best = { macroF1: 0, accuracy: 0 };
  const places = [...CATEGORIES.keys()];
  for (const a of places) for (const b of places) for (const c of places) {
    const names = [a, b, c];
    let macroF1 = 0;
    let right = 0;
    for (const place of places) {
      let hits = 0;
      let given = 0;
      names.forEach((name, side) => {
        if (name !== place) return;
        hits += counts[place][side];
        given += sides[side];
      });
      right += hits;
      macroF1 += (2 * hits) / (given + counts[place].reduce((x, y) => x + y)) / places.length;
    }
    if (macroF1 > best.macroF1) best = { macroF1, accuracy: right / all };
  }
  return best;
}

function areaUnderCurve(upper, lower) {
  let pairs = 0;
  for (const a of upper) for (const b of lower) pairs += a > b ? 1 : a === b ? 0.5 : 0;
  return pairs / (upper.length * lower.length);
}

function recallAt(share, upper, lower) {
  const bound = [...lower].sort((a, b) => b - a)[Math.floor(share * lower.length)];
  return upper.filter((value) => value > bound).length / upper.length;
}

function printQuality(name, lines) {
  for (const [classifier, score] of Object.entries(CLASSIFIERS)) {
    const answers = lines.map(({ label, text }) => ({ label, score: score(text) }));
    const of = (choose, value) => answers.filter(({ label }) => choose(label)).map((a) => value(a.score));
    const { macroF1, accuracy } = bestNames(answers);
    const judged = answers.filter(({ label }) => GOOD.has(label) || BAD.has(label));
    const polarity = judged.filter((a) => GOOD.has(a.label) === a.score >= 0).length / judged.length;
    const auc = areaUnderCurve(of((l) => l !== 'None', Math.abs), of((l) => l === 'None', Math.abs));
    const hostile = recallAt(0.05, of((l) => l === 'Hostile', (s) => -s), of((l) => l !== 'Hostile', (s) => -s));
    const columns = [accuracy, macroF1, polarity, auc, hostile].map((x) => x.toFixed(3).padStart(8));
    console.log(name.padEnd(9), classifier.padEnd(17), ...columns);
  }
}

function messagesPerSecond(score, lines) {
  const cpu = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
  for (const line of lines.slice(0, 5000)) score(line); // until it is compiled
  const begin = cpu();
  let messages = 0;
  while (cpu() - begin < SECONDS) {
    for (let i = 0; i < 1000; ++i) score(lines[(messages + i) % lines.length]);
    messages += 1000;
  }
  return messages / (cpu() - begin);
}

printQuality('chat.tsv', ownLines('services/stream/sentiment/testdata/chat.tsv'));
if (data) printQuality('dev', [...dataLines(`${data}/dev.jsonl`), ...dataLines(`${data}/dev_none.jsonl`)]);
const lines = split(linesFile);
console.log('\nmessages/s of CPU time, one core');
console.log(`${'ours'.padEnd(17)} ${Math.round(ourSpeed).toLocaleString('en').padStart(11)}`);
for (const [classifier, score] of Object.entries(CLASSIFIERS)) {
  const speed = messagesPerSecond(score, lines);
  console.log(classifier.padEnd(17), Math.round(speed).toLocaleString('en').padStart(11),
    `  ours is ${Math.round(ourSpeed / speed)} times as fast`);
}
