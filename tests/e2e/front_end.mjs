// A front end that nobody here wrote the libraries of: npm's `nats` hears a session's client events,
// and `ajv` judges each by docs/client-events.schema.json.
//
//   node front_end.mjs PORT NATS_ADDRESS SESSION_ID
//
// GET / answers with all that came so far, as [{subject, event, errors}]; `event` is null when the
// message is no JSON. The packages come from ./dev setup.
import { readFileSync } from 'node:fs';
import http from 'node:http';

import Ajv2020 from '../../.cache/ajv-formats/node_modules/ajv/dist/2020.js';
import addFormats from '../../.cache/ajv-formats/node_modules/ajv-formats/dist/index.js';
import nats from '../../.cache/nats/node_modules/nats/index.js';

const KEPT_MOST = 10_000;
const [port, servers, session] = process.argv.slice(2);

const ajv = new Ajv2020.default({ allErrors: true, strict: true });
addFormats.default(ajv);
const schemas = new URL('../../docs/client-events.schema.json', import.meta.url);
const root = JSON.parse(readFileSync(schemas, 'utf8'));
ajv.addSchema(root);

// By the schema of the event's own kind, whose complaints say more than those of all six.
function judge(event) {
  const kind = String(event?.event_name).replace('streaming.', '');
  const validate = ajv.getSchema(Object.hasOwn(root.$defs, kind) ? `${root.$id}#/$defs/${kind}` : root.$id);
  const good = validate(event) && ajv.validate(root.$id, event);
  return good ? [] : (validate.errors ?? ajv.errors).map((e) => `${e.instancePath} ${e.message}`);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const got = [];
const connection = await nats.connect({ servers, name: 'front end' });
connection.subscribe(`client.streaming.${session}`, {
  callback: (error, message) => {
    const event = error ? null : parse(message.string());
    if (got.length < KEPT_MOST) got.push({ subject: message.subject, event, errors: judge(event) });
  },
});
await connection.flush(); // the server has it before anybody is told that we are ready

http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(got));
}).listen(Number(port), '127.0.0.1');
