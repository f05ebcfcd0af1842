package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is how many of the kernel's clock ticks a second has, for all of Linux's
// user interfaces (proc(5), sysconf(_SC_CLK_TCK)).
const ticks = 100

// usage is what the server's process has used.
type usage struct {
	cpu time.Duration
	// peak is the most memory that was resident, in MiB, since peaks were forgotten.
	peak int
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f CPU seconds, %d MiB at most", u.cpu.Seconds(), u.peak)
}

// usage reads what the process has used so far.
func (w *world) usage() usage {
	w.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.process.Process.Pid))
	must(w.t, err)
	// The name, in brackets, may hold spaces; after it, utime and stime are the
	// 12th and 13th field.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	must(w.t, err)
	system, err := strconv.Atoi(fields[12])
	must(w.t, err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.process.Process.Pid))
	must(w.t, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	must(w.t, err)
	return usage{cpu: time.Duration(user+system) * time.Second / ticks, peak: peak / 1024}
}

// forgetPeak begins a new peak of memory.
func (w *world) forgetPeak() {
	w.t.Helper()
	must(w.t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.process.Process.Pid), []byte("5"), 0))
}

// waitIdle waits until the server has nothing left to do: it has used less than a
// twentieth of a processor for three seconds.
func (w *world) waitIdle() usage {
	w.t.Helper()
	const window = 3 * time.Second
	for {
		before := w.usage()
		time.Sleep(window)
		if after := w.usage(); after.cpu-before.cpu < window/20 {
			return after
		}
	}
}
