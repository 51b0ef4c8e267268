import { dashboard, graph, jobAndInstance, list, now, number, over, rowsOf, runbooksOf, withMarks } from './common.js';
import { marks, scope } from './promql.js';

const whole = [
  number('Version', 'How many exporters run each version.',
    now(`count by (version) (wireguard_exporter_build_info{${scope}})`, '{{version}}')),
  list('What cannot be read',
    'Interfaces that an exporter cannot read now, and why, up to 100. A row without an interface means that a whole network ' +
    'namespace or directory cannot be read.',
    {
      columns: {
        instance: { title: 'Exporter' },
        interface: { title: 'Interface' },
        netns: { title: 'Network namespace' },
        reason: { title: 'Reason' },
      },
      empty: 'everything can be read',
    },
    rowsOf(`topk(100, wireguard_exporter_interface_failures{${scope}} == 1)`)).height(4).span(18)
    .links(runbooksOf('WireGuardInterfaceUnreadable')),
  graph('Exporters whose collector fails',
    'How many exporters have a collector that could not read everything. netlink reads the kernel, uapi userspace ' +
    'implementations, links interface counters, names files of names.',
    over(`sum by (collector) (1 - wireguard_exporter_collector_success{${scope}})`, '{{collector}}')).unit('short')
    .axisSoftMax(1).links(runbooksOf('WireGuardCollectorFailing')),
  graph('Steps of the wall clock',
    'How often the wall clock of a host moved by over a second against its boot clock. If it went back, peers ignore ' +
    'handshakes of this host until the clock has caught up.',
    over(`sum(increase(wireguard_exporter_clock_steps_total{${scope}}[$__rate_interval]))`, 'steps')).unit('short')
    .axisSoftMax(1).links(runbooksOf('WireGuardClockStep')),
];

const cost = [
  withMarks(graph('Duration of a scrape',
    'Scrape time of the slowest exporter, measured by Prometheus. WireGuardScrapeSlow fires above 5 s, half of the default scrape timeout.',
    over(`max(scrape_duration_seconds{${scope}})`, 'slowest'),
    over(marks([[5, '5 s: WireGuardScrapeSlow']]), '{{mark}}')), 'B').unit('s')
    .links(runbooksOf('WireGuardScrapeSlow')),
  graph('Duration of a collection', 'The slowest run of each collector.',
    over(`max by (collector) (wireguard_exporter_collector_duration_seconds{${scope}})`, '{{collector}}')).unit('s'),
  graph('Samples of a scrape', 'Samples in the largest scrape. Each value of each peer is one sample.',
    over(`max(scrape_samples_scraped{${scope}})`, 'largest')).unit('short'),
  graph('Requests', 'HTTP requests answered per second, by status code.',
    over(`sum by (code) (rate(wireguard_exporter_http_requests_total{${scope}}[$__rate_interval]))`, '{{code}}')).unit('reqps'),
  graph('Processor', 'Processor time per second of the busiest exporter.',
    over(`max(rate(process_cpu_seconds_total{${scope}}[$__rate_interval]))`, 'busiest')).unit('percentunit').span(12),
  graph('Memory', 'Resident memory of the largest exporter.',
    over(`max(process_resident_memory_bytes{${scope}})`, 'largest')).unit('bytes').span(12),
];

export default dashboard('exporter', {
  description: 'The exporters themselves: whether they read everything, and what that costs.',
  variables: jobAndInstance('wireguard_exporter_build_info', true),
  rows: [
    { title: 'Does it read everything', panels: whole },
    { title: 'What it costs', panels: cost },
  ],
});
