/** A small text in every layout of a trace, with what a person counts in it. Lines are made up in the shape of real ones. */
import type { ImporterSample } from './testing/index.ts';

type TraceSample = { readonly importer: string; readonly text: string } & Pick<ImporterSample, 'expected'>;

export const traceSamples: readonly TraceSample[] = [
  {
    importer: 'ftrace-text',
    text: `# tracer: nop
#
# entries-in-buffer/entries-written: 4/6   #P:2
#
##### CPU 1 buffer started ####
           snapx-187     [000] ...1.     6.730010: mm_page_alloc: page=00000000326e6947 pfn=0x2b17 order=0 migratetype=0 gfp_flags=GFP_NOWAIT
           snapx-187     [001] .....     6.730622: mm_page_free: page=00000000810239a6 pfn=0x2f61e order=0
           snapx-187     [001] .....     6.730630: <stack trace>
 => free_unref_page
 => __x64_sys_exit_group

CPU:1 [LOST 2 EVENTS]
    kworker/0:1H-53      [000] .....     6.730700: kmem_cache_free: call_site=putname+0x4c ptr=000000000eac4a94 name=names_cache
           snapx-187     [000] .....     6.731000: tracing_mark_write: snapx mid begin
this line is damaged
`,
    expected: {
      lines: 15,
      events: 4,
      comments: 10,
      skipped: { 'not-an-event-line': 1 },
      details: { 'stack lines': 3 },
      counts: { mm_page_alloc: 1, mm_page_free: 1, kmem_cache_free: 1, tracing_mark_write: 1 },
    },
  },
  {
    importer: 'ftrace-latency',
    text: `# tracer: nop
#
# nop latency trace v1.1.5 on 6.1.0-50-s390x
# --------------------------------------------------------------------
# latency: 0 us, #3/5, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)
#    -----------------
  <idle>-0         0d.h2.    3us+: mm_page_free: page=0000037200124200 pfn=0x4908 order=0
kworker/-53        1.....   12us!: mm_page_pcpu_drain: page=0000037200124240 pfn=0x4909 order=1 migratetype=2
   snapx-119       1d....  123456us : mm_page_alloc: page=00000372007ea240 pfn=0x1fa89 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE
   snapx-119       1d....  12345
`,
    expected: {
      lines: 10,
      events: 3,
      comments: 6,
      skipped: { 'not-an-event-line': 1 },
      counts: { mm_page_free: 1, mm_page_pcpu_drain: 1, mm_page_alloc: 1 },
    },
  },
  {
    importer: 'function-graph',
    text: ` ------------------------------------------
 0)     bash-1517   =>  sshd-902 
 ------------------------------------------

 0)               |  __alloc_pages_nodemask() {
 0)               |  /* mm_page_alloc: page=ffffea0001b3c2c0 pfn=445323 order=0 migratetype=0 gfp_flags=GFP_KERNEL */
 0)   3.328 us    |  }
 3) + 10.115 us   |  } /* __alloc_pages_nodemask */
   14.520417 |   3)    sh-612    |               |  /* mm_page_free: page=ffffea0002c49a80 pfn=725610 order=1 */
 0)   0.587 us    |
`,
    expected: {
      lines: 10,
      events: 2,
      comments: 8,
      details: { 'graph lines': 7, 'events without a time': 1, 'events without a task': 1 },
      counts: { mm_page_alloc: 1, mm_page_free: 1 },
    },
  },
  {
    importer: 'trace-cmd-report',
    text: `version = 6
CPU 3 is empty
cpus=4
 cc1-22107 [004] .....   713.204410123: mm_page_alloc:        page=0xffffea0000a51c40 pfn=0x29471 order=0 migratetype=1 gfp_flags=0x140dca
             cc1-22107 [004] d..1.   713.204423000: kmalloc:              call_site=seq_open+0x2c ptr=0xffff888104b7e100 bytes_req=216
             cc1-22107 [004]         713.204424000: kernel_stack:         <stack trace >
=> seq_open (ffffffff8137a02c)
=> do_dentry_open (ffffffff8134c1b9)
             cc1-22107 [004] .....   713.204425000: print:                tracing_mark_write: half way
     cc1-22107   4.....   713.204426000: mm_page_free:         page=0xffffea0000a51c40 pfn=0x29471 order=0
CPU:4 [12 EVENTS DROPPED]
`,
    expected: {
      lines: 11,
      events: 4,
      comments: 7,
      details: { 'stack lines': 3, 'stacks of other events': 1 },
      counts: { mm_page_alloc: 1, kmalloc: 1, print: 1, mm_page_free: 1 },
    },
  },
  {
    importer: 'perf-script',
    text: `perf  5170 [000]    33.125450:             kmem:mm_page_alloc: page=0x8c307 pfn=574527 order=0 migratetype=0 gfp_flags=GFP_KERNEL
    ffffffff812b04c6 __alloc_pages_nodemask+0x22e (/lib/modules/6.1.0/build/vmlinux)
\t7f3c5d21a0b7 __read+0x14 (/usr/lib64/libc-2.28.so)
\t      401136 main+0x16 (/usr/bin/x)

Web Content  7001/7003  [011] 33.125500123:          1 kmem:mm_page_free: page=0x8c307 pfn=574527 order=0
sh   41    33.125600: kmem:mm_page_free: page=0x8c308 pfn=574528 order=0
  41 [002]    33.125700: kmem:mm_page_free: page=0x8c309 pfn=574529 order=0
sh   41 [002] kmem:mm_page_free: page=0x8c30a pfn=574530 order=0
sh   41 [002]    33.125900: sched:sched_switch: prev_comm=sh prev_pid=41 ==> next_comm=swapper/2 next_pid=0
`,
    expected: {
      lines: 10,
      events: 6,
      comments: 4,
      details: { 'stack lines': 3, 'events without a cpu': 1, 'events without a time': 1 },
      counts: { mm_page_alloc: 1, mm_page_free: 4, sched_switch: 1 },
    },
  },
];
