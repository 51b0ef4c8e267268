import {
  dashboard, graph, jobAndInstance, limits, list, now, number, over, rowsOf, runbooksOf, severityColumn, stacked, toGateway,
  toPeer, toRunbook, toThisGateway, verdictColumns, withVerdicts,
} from './common.js';
import { bySeverity, faults, firing, inOrder, oneOf, scope, severityOrder, throughput, verdictOrder, withPeer } from './promql.js';

const counted = 'wireguard:instance_peers:count_by_verdict';
const counts = `${counted}{${scope}}`;
const faulty = `${counted}{${scope}, verdict=~"${faults}"}`;

const overview = [
  withVerdicts(number('Peers by verdict',
    'How many peers have each verdict now. Live: a session exists. Idle: there was a handshake, and no session now, as with ' +
    'a sleeping laptop. Never: no handshake yet. Replies lost, unanswered, flapping and one-way may be faults. A verdict ' +
    'that no peer has is left out.',
    now(inOrder('verdict', verdictOrder, counted, scope), '{{verdict}}')).span(12)),
  number('Gateways',
    'Exporters that Prometheus can scrape, and those that it cannot. The peers of an exporter that cannot be scraped are ' +
    'unknown: no count includes them.',
    now(oneOf('state', { 'scraped': `sum(up{${scope}})`, 'not scraped': `count(up{${scope}}) - sum(up{${scope}})` }), '{{state}}'))
    .links(runbooksOf('WireGuardExporterDown', 'WireGuardExporterAbsent'))
    .overrideByName('not scraped', [
      { id: 'thresholds', value: limits('text', [[1, 'red']]).build() }]),
  number('Firing alerts', 'Alerts of wgscope that fire now, by severity. The list below names them.',
    now(inOrder('severity', severityOrder, 'ALERTS', firing), '{{severity}}')).noValue('none'),
];

const trends = [
  withVerdicts(stacked(graph('Peers by verdict over time',
    'The counts above over time. Peers move between live and idle all day. A step of many peers at once points to the ' +
    'gateway or its network, not to the peers.',
    over(`sum by (verdict) (${counts}) > 0`, '{{verdict}}')).unit('short'))).span(8),
  withVerdicts(stacked(graph('Peers with a fault over time',
    'The same counts, only of verdicts that may be a fault: among many peers these are a thin line in the other graph.',
    over(`sum by (verdict) (${faulty}) > 0`, '{{verdict}}')).unit('short').decimals(0).axisSoftMax(5)
    .noValue('no peer had a fault'))).span(8),
  graph('Throughput inside the tunnels',
    'Bytes per second inside the tunnels of all selected gateways, as the interfaces count them. Interfaces whose counters ' +
    'the exporter cannot read are missing.',
    over(throughput(scope), '{{direction}}')).unit('Bps').span(8),
];

const lists = [
  list('Firing alerts',
    'Up to 100 alerts that fire now, the most severe first, with the peer if an alert is about one. An alert links to ' +
    'its runbook, a peer to its dashboard.',
    {
      columns: {
        Value: severityColumn(),
        alertname: { title: 'Alert', links: [toRunbook()] },
        peer: { title: 'Peer', links: [toPeer()] },
        instance: { title: 'Instance', links: [toGateway()] },
        interface: { title: 'Interface' },
        netns: { title: 'Network namespace' },
      },
      hidden: ['public_key'],
      sort: [['Severity', 'descending']],
      empty: 'no alert fires',
    },
    rowsOf(withPeer(`topk(100, ${bySeverity('ALERTS', firing)})`))).height(7),
  list('Gateways by peers with a fault',
    'The 50 gateways with the most peers whose verdict may be a fault, and how many of their peers have each verdict. Open a ' +
    'gateway to see which peers are offline now.',
    {
      before: [{
        id: 'groupingToMatrix',
        options: { rowField: 'instance', columnField: 'verdict', valueField: 'Value', emptyValue: 'zero' },
      }],
      columns: {
        'instance\\verdict': { title: 'Gateway', width: 180, links: [toThisGateway()] },
        ...verdictColumns(),
      },
      sort: [['replies lost', 'descending'], ['unanswered', 'descending'], ['flapping', 'descending'], ['one-way', 'descending']],
      empty: 'no gateway',
    },
    rowsOf(`sum by (instance, verdict) (${counts} and on (job, instance) ` +
      `topk(50, sum by (job, instance) (${faulty}) or sum by (job, instance) (${counts}) * 0))`)).span(17),
  list('Gateways by throughput',
    'The 20 gateways with the most traffic inside their tunnels now, received and sent together.',
    {
      columns: {
        instance: { title: 'Gateway', links: [toGateway()] },
        Value: { title: 'Throughput', unit: 'Bps' },
      },
      sort: [['Throughput', 'descending']],
      empty: 'no interface counters',
    },
    rowsOf(`topk(20, sum by (job, instance) (wireguard:interface_receive_bytes:rate{${scope}} + ` +
      `wireguard:interface_transmit_bytes:rate{${scope}}))`)).span(7),
];

export default dashboard('fleet', {
  description: 'All gateways at once: how many peers work, what fires, and where to look. Reads recorded series only.',
  variables: jobAndInstance('wireguard_exporter_build_info', true),
  rows: [
    { title: 'Now', panels: overview },
    { title: 'Over time', panels: trends },
    { title: 'Where to look', panels: lists },
  ],
});
