import {
  dashboard, graph, interfaceVariable, jobAndInstance, list, neverWord, now, number, over, rowsOf, runbooksOf, stacked, toPeer,
  unknownWord, verdictColumn, withVerdicts, words,
} from './common.js';
import { faults, inOrder, interfaces, named, oneOf, samePeer, throughput, verdictOrder, withOrder, withPeer } from './promql.js';

const counted = 'wireguard_interface_peers_by_verdict';

/** Of a counter, over all interfaces shown. */
const perSecond = (counter: string) => `sum(rate(wireguard_interface_${counter}_total{${interfaces}}[$__rate_interval]))`;

const sameInterface = 'on (job, instance, netns, interface)';
/** 1 or 0; not a number where the exporter cannot see the link. */
const state = `wireguard_interface_info{${interfaces}} * ${sameInterface} group_left () ` +
  `(wireguard_interface_up{${interfaces}} or ${sameInterface} wireguard_interface_peers{${interfaces}} * NaN)`;

const withVerdict = (verdicts: string) => `wireguard_peer_verdict{${interfaces}, verdict=~"${verdicts}"}`;

const peer = { title: 'Peer', links: [toPeer()] };
const place = { interface: { title: 'Interface' }, netns: { title: 'Network namespace' } };
const hidden = ['public_key', 'instance'];

const overview = [
  withVerdicts(number('Peers by verdict',
    'How many peers of the selected interfaces have each verdict now. A verdict that no peer has is left out.',
    now(inOrder('verdict', verdictOrder, counted, interfaces), '{{verdict}}')).span(10)),
  list('Interfaces',
    'What identifies each interface, and whether it is administratively up. The state is unknown where the exporter cannot ' +
    'see the link of a userspace implementation.',
    {
      columns: {
        ...place,
        instance: { title: 'Gateway' },
        'Value #A': { title: 'State', words: [...words({ 1: ['up', 'green'], 0: ['down', 'red'] }), unknownWord()] },
        'Value #B': { title: 'MTU', unit: 'suffix: B' },
        listen_port: { title: 'Listen port' },
        implementation: { title: 'Implementation' },
        fwmark: { title: 'Firewall mark' },
      },
      empty: 'no interface',
    },
    rowsOf(`topk(100, ${state})`),
    rowsOf(`topk(100, max by (job, instance, netns, interface) (wireguard_interface_mtu_bytes{${interfaces}}))`))
    .height(4).span(14).links(runbooksOf('WireGuardInterfaceDown', 'WireGuardInterfaceGone', 'WireGuardCountersReset')),
];

const trends = [
  withVerdicts(stacked(graph('Peers by verdict over time',
    'The counts above over time. A step of many peers at once points to this gateway or its network, not to the peers.',
    over(`sum by (verdict) (${counted}{${interfaces}}) > 0`, '{{verdict}}')).unit('short'))),
  withVerdicts(stacked(graph('Peers with a fault over time',
    'The same counts, only of verdicts that may be a fault: among many peers these are a thin line in the other graph.',
    over(`sum by (verdict) (${counted}{${interfaces}, verdict=~"${faults}"}) > 0`, '{{verdict}}')).unit('short').decimals(0)
    .axisSoftMax(5).noValue('no peer had a fault'))),
  graph('Throughput inside the tunnels',
    'Bytes per second inside the tunnels of the selected interfaces, as the interfaces count them.',
    over(throughput(interfaces), '{{direction}}')).unit('Bps'),
  graph('Packets lost per second at the interfaces',
    'Packets per second that were refused or dropped. Frame errors: decrypted, but the inner source address is outside the ' +
    'allowed IPs of the peer. Send errors: no peer has the destination in its allowed IPs, or the peer has no endpoint. Send ' +
    'drops: packets that waited for a handshake in vain. Socket drops: a userspace implementation is too slow.',
    over(oneOf('loss', {
      'frame errors': perSecond('receive_frame_errors'),
      'length errors': perSecond('receive_length_errors'),
      'receive drops': perSecond('receive_dropped'),
      'send errors': perSecond('transmit_errors'),
      'send drops': perSecond('transmit_dropped'),
      'socket drops': perSecond('socket_receive_drops'),
    }), '{{loss}}')).unit('short').axisSoftMax(1)
    .links(runbooksOf('WireGuardFrameErrors', 'WireGuardSocketDrops')),
];

const peers = [
  list('Peers with a fault, and who is offline now',
    'Peers whose verdict may be a fault come first, then those that had a session and have none now; of each verdict up to 50, ' +
    'the latest handshake first. An idle peer is healthy if nobody has sent anything. A peer without a name is listed by its ' +
    'public key.',
    {
      columns: {
        peer,
        order: verdictColumn(),
        Value: { title: 'Last handshake', unit: 'dtdurations', words: [neverWord()], plain: true },
        ...place,
      },
      hidden,
      sort: [['Verdict', 'ascending'], ['Last handshake', 'ascending']],
      empty: 'no peer has a fault or has lost its session',
    },
    rowsOf(withOrder(withPeer(`bottomk(50, wireguard_peer_handshake_age_seconds{${interfaces}} * ${samePeer} ` +
      `group_left (verdict, name) ${withVerdict(`${faults}|idle`)} or ${samePeer} ${withVerdict(faults)} * NaN) by (verdict)`))))
    .height(10).span(12)
    .links(runbooksOf('WireGuardPeerRepliesLost', 'WireGuardPeerUnanswered', 'WireGuardPeerTurnedOneWay')),
  list('Who has never come',
    'Peers that are configured and have never completed a handshake since the interface was made, and when the exporter first ' +
    'saw them: up to 50, the oldest first.',
    {
      columns: { peer, Value: { title: 'Configured for', unit: 'dtdurations' }, ...place },
      hidden,
      sort: [['Configured for', 'descending']],
      empty: 'every peer has come',
    },
    rowsOf(withPeer(`topk(50, ${withVerdict('never')} * ${samePeer} group_left () ` +
      `(time() - wireguard_peer_first_seen_timestamp_seconds{${interfaces}}))`))).height(10).span(12),
  list('Peers whose endpoint goes back and forth',
    'How often each of up to 20 peers returned to the address or port before its last one within the last 15 minutes. A phone ' +
    'between two networks does so a few times; with one key on two devices it never stops. New ports, as of a phone behind a ' +
    'NAT or of a regular probe, do not count: the dashboard of the peer shows all changes. Needs the sampler of the exporter ' +
    '(--sample.interval).',
    {
      columns: { peer, ...place, Value: { title: 'Returns in 15 minutes', properties: [{ id: 'decimals', value: 0 }] } },
      hidden,
      sort: [['Returns in 15 minutes', 'descending']],
      empty: 'no endpoint returned, or the sampler is off',
    },
    rowsOf(named(`topk(20, increase(wireguard_peer_endpoint_alternations_total{${interfaces}}[15m]) > 0)`))).span(12)
    .links(runbooksOf('WireGuardPeerEndpointFlapping')),
  list('Peers with most traffic',
    'The 20 peers with the most bytes per second now, received and sent together, handshakes and keepalives included.',
    {
      columns: { peer, Value: { title: 'Throughput', unit: 'Bps' }, ...place },
      hidden,
      sort: [['Throughput', 'descending']],
      empty: 'no traffic',
    },
    rowsOf(named(`topk(20, rate(wireguard_peer_receive_bytes_total{${interfaces}}[$__rate_interval]) + ` +
      `rate(wireguard_peer_transmit_bytes_total{${interfaces}}[$__rate_interval]))`))).span(12),
];

export default dashboard('gateway', {
  description: 'One gateway: its interfaces, what they lose, which peers have a fault, who is offline now, who has ' +
    'never come, and who sends most.',
  variables: [...jobAndInstance('wireguard_exporter_build_info', false), interfaceVariable()],
  rows: [
    { title: 'Now', panels: overview },
    { title: 'Over time', panels: trends },
    { title: 'Peers', panels: peers },
  ],
});
