// Peers that do not exist, on a UAPI socket as a userspace implementation has: most are laptops and phones that come and go,
// some are sites. From a time on, one in fifty is in trouble. Bytes and handshake times move as WireGuard's timers have it.
//
//   node crowd.mjs SOCKET NAMES COUNT FAULT_AT
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

const [socket, names, count, faultAt] = process.argv.slice(2);
const now = () => Date.now() / 1000;
const chance = (share) => Math.random() < share;
const between = (low, high) => low + Math.random() * (high - low);

const port = () => Math.floor(between(20_000, 60_000));

const initiation = 148 / 5, response = 92 / 5; // bytes per second while a handshake does not complete
const rekeyAfter = 120, rejectAfter = 180;

const kinds = ['laptop', 'laptop', 'laptop', 'phone', 'phone', 'tablet', 'site', 'camera'];
const troubles = ['replies lost', 'unanswered', 'one-way'];

function makePeer(_, index) {
  const kind = kinds[index % kinds.length];
  const stays = kind === 'site' || kind === 'camera';
  return {
    key: randomBytes(32), name: `${kind}-${String(index + 1).padStart(4, '0')}`, stays,
    port: port(), never: chance(0.03),
    trouble: chance(0.02) ? troubles[index % troubles.length] : undefined,
    awake: stays || chance(0.5), rate: between(50, 3_000), received: 0, sent: 0,
    handshake: now() - between(0, stays ? rekeyAfter : 20_000),
  };
}

function live(peer, time) {
  if (!peer.stays && chance(1 / 600)) peer.awake = !peer.awake;
  if (!peer.awake) return;
  if (!peer.stays && chance(1 / 1_000)) peer.port = port();
  if (time - peer.handshake > rekeyAfter) peer.handshake = time;
  const bytes = peer.rate * between(0.5, 1.5);
  peer.received += bytes;
  peer.sent += bytes * 2;
}

function suffer(peer, time) {
  if (peer.trouble === 'one-way') {
    if (time - peer.handshake > rekeyAfter) peer.handshake = time;
    peer.sent += 5_000;
    peer.received += 3;
    return;
  }
  if (time - peer.handshake < rejectAfter) return;
  peer.sent += peer.trouble === 'unanswered' ? initiation : response;
  peer.received += peer.trouble === 'unanswered' ? 0 : initiation;
}

function second() {
  const time = now();
  for (const peer of peers) {
    if (peer.never) continue;
    if (peer.trouble && time > faultAt) suffer(peer, time);
    else live(peer, time);
  }
}

const line = (name, value) => `${name}=${value}\n`;
const described = (peer, index) =>
  line('public_key', peer.key.toString('hex')) +
  (peer.never ? '' : line('endpoint', `192.0.2.${(index % 250) + 1}:${peer.port}`)) +
  line('last_handshake_time_sec', peer.never ? 0 : Math.floor(peer.handshake)) + line('last_handshake_time_nsec', 0) +
  line('tx_bytes', Math.floor(peer.sent)) + line('rx_bytes', Math.floor(peer.received)) +
  line('persistent_keepalive_interval', peer.stays ? 25 : 0) +
  line('allowed_ip', `10.9.${Math.floor(index / 250)}.${(index % 250) + 1}/32`) + line('protocol_version', 1);

const peers = Array.from({ length: Number(count) }, makePeer);
const privateKey = randomBytes(32).toString('hex');
setInterval(second, 1000);
createServer((connection) => {
  connection.on('data', () => connection.end(
    line('private_key', privateKey) + line('listen_port', 51820) + peers.map(described).join('') + 'errno=0\n\n'));
  connection.on('error', () => {});
}).listen(socket, () => writeFileSync(names, peers.map(({ key, name }) => `"${key.toString('base64')}": ${name}\n`).join('')));
