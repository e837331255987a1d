// Twurple's EventSub listener with one subscription to a chat, whose handler counts the lines.
//
//   node twurple.mjs FOLDER PORT SECRET BROADCASTER
//
// FOLDER is where npm installed @twurple/eventsub-http. The whole of the listener runs, as its
// documentation shows it; only the subscription at Twitch is left to others (`managed: false`), and
// it listens on this machine alone. At SIGTERM it says how many lines its handler got.
import path from 'node:path';

const [folder, port, secret, broadcaster] = process.argv.slice(2);
const { EventSubHttpListener, ReverseProxyAdapter } = await import(
  path.resolve(folder, 'node_modules/@twurple/eventsub-http/lib/index.js'));

class LoopbackAdapter extends ReverseProxyAdapter {
  createHttpServer() {
    const server = super.createHttpServer();
    const listen = server.listen.bind(server);
    server.listen = (listenerPort, ...rest) => listen(listenerPort, '127.0.0.1', ...rest);
    return server;
  }
}

const listener = new EventSubHttpListener({
  adapter: new LoopbackAdapter({ hostName: 'stream.example.net', port: Number(port) }),
  secret,
  managed: false,
  logger: { minLevel: 'error' },
});
let lines = 0;
listener.onChannelChatMessage(broadcaster, broadcaster, (event) => {
  if (event.messageText.length > 0) lines += 1;
});
listener.start();

process.on('SIGTERM', () => {
  console.log(`handled ${lines} lines`);
  process.exit(0);
});
