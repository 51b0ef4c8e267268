import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  dashboard, graph, interfaceVariable, jobAndInstance, limits, list, now, number, over, periods, rowsOf, runbooksOf, variable,
  withMarks, withVerdicts,
} from './common.js';
import { firing, having, interfaces, marks, oneOf, samePeer } from './promql.js';

// A variable with one value is put into queries as it is, so it is compared with =, not with =~: keys have a + in them.
const peer = `${interfaces}, public_key="$peer"`;

const seen = (counter: string) => `sum(increase(wireguard_peer_${counter}_total{${peer}}[$__range]))`;

const overview = [
  withVerdicts(number('Verdict',
    'Live: a session exists. Idle: there was a handshake, and no session now. Never: no handshake yet. Replies lost: ' +
    'handshakes of the peer arrive, but none completes: the replies of the gateway do not reach the peer, or it cannot use ' +
    'them. Unanswered: the gateway sends handshakes and receives nothing. Flapping: the endpoint keeps going back and forth, as ' +
    'with one key on two devices. One-way: the session is live, and the peer, which answered data before, sends almost nothing.',
    now(`wireguard_peer_verdict{${peer}}`, '{{verdict}}'))
    .span(4).textMode(common.BigValueTextMode.Name).noValue('unknown')
    .links(runbooksOf('WireGuardPeerRepliesLost', 'WireGuardPeerUnanswered', 'WireGuardPeerTurnedOneWay'))),
  list('Who it is',
    'The peer as the gateway knows it: its name, its last endpoint, and its public key. A persistent keepalive of 0 is off.',
    {
      columns: {
        name: { title: 'Name' },
        endpoint: { title: 'Endpoint', width: 180 },
        interface: { title: 'Interface' },
        instance: { title: 'Gateway' },
        Value: { title: 'Keepalive', unit: 's', width: 90 },
        preshared_key: { title: 'Preshared key', width: 120 },
        public_key: { title: 'Public key', width: 390 },
      },
      empty: 'no such peer',
    },
    rowsOf(`wireguard_peer_info{${peer}} * ${samePeer} group_left () wireguard_peer_persistent_keepalive_seconds{${peer}}`))
    .height(4).span(20),
];

const handshakes = [
  withMarks(graph('Age of the last handshake',
    'A peer in use draws a saw-tooth of about 2 minutes: a new handshake is due at 120 s. At 180 s WireGuard gives up the ' +
    'session. Above 300 s nothing was sent, or no handshake completes: the verdict says which. The age of a peer that never ' +
    'came is unknown.',
    over(`wireguard_peer_handshake_age_seconds{${peer}}`, '{{interface}} of {{instance}}'),
    over(marks([[120, '120 s: new handshake due'], [180, '180 s: session over'], [300, '300 s: long silent']]), '{{mark}}')), 'B')
    .unit('dthms'),
  withMarks(graph('Bytes received and sent',
    'Bytes per second, handshakes and keepalives included; the scale is logarithmic above 1 B/s. The dashed lines are what ' +
    'failing handshakes look like: 29.6 B/s of initiations from the side that tries, 18.4 B/s of responses from the other. ' +
    'Without a session: received near 29.6 means that replies are lost, whatever is sent, for not every implementation counts ' +
    'what its own firewall drops. Sent near 29.6 and nothing received: unanswered.',
    over(`rate(wireguard_peer_receive_bytes_total{${peer}}[$__rate_interval])`, 'received from it, {{interface}} of {{instance}}'),
    over(`rate(wireguard_peer_transmit_bytes_total{${peer}}[$__rate_interval])`, 'sent to it, {{interface}} of {{instance}}'),
    over(marks([[29.6, '29.6 B/s: initiations'], [18.4, '18.4 B/s: responses']]), '{{mark}}')), 'C')
    .unit('Bps')
    .scaleDistribution(new common.ScaleDistributionConfigBuilder()
      .type(common.ScaleDistribution.Symlog).log(10).linearThreshold(1)),
];

const history = [
  withVerdicts(periods('Verdict over time', 'Which verdict the peer had when. Without a bar the verdict is unknown.',
    over(`max by (verdict) (wireguard_peer_verdict{${peer}})`, '{{verdict}}'))),
  periods('Endpoints',
    'The addresses from which the peer came, up to 20, each with a bar while the gateway sends to it. Bars that keep ' +
    'alternating look like one key on two devices.',
    over(`topk(20, ${having('endpoint', `max by (endpoint) (wireguard_peer_info{${peer}})`)})`, '{{endpoint}}'))
    .links(runbooksOf('WireGuardPeerEndpointFlapping')),
  number('Seen by the sampler in the time shown',
    'Handshakes completed, changes of the endpoint, and changes back to the endpoint before, as with one key on two devices. ' +
    'The exporter counts them between scrapes (--sample.interval).',
    now(oneOf('event', {
      'handshakes': seen('handshakes'),
      'endpoint changes': seen('endpoint_changes'),
      'endpoint alternations': seen('endpoint_alternations'),
    }), '{{event}}')).span(24).decimals(0).noValue('the sampler is off')
    .overrideByName('endpoint alternations', [{ id: 'thresholds', value: limits('text', [[1, 'orange']]).build() }]),
];

export default dashboard('peer', {
  description: 'One peer: what is wrong with it, if anything, and what that verdict rests on.',
  variables: [
    ...jobAndInstance('wireguard_exporter_build_info', false),
    interfaceVariable(),
    variable('peer', 'Peer', `query_result(wireguard_peer_info{${interfaces}})`, {
      multi: false, all: false, regex: '/\\bname="(?<text>[^"]+)"|\\bpublic_key="(?<value>[^"]+)"/g',
    }),
  ],
  alerts: `${firing}, public_key="$peer"`,
  rows: [
    { title: 'Now', panels: overview },
    { title: 'What the verdict rests on', panels: handshakes },
    { title: 'History', panels: history },
  ],
});
