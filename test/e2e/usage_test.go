package e2e

import (
	"errors"
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
	p, err := processOf(w.process.Process.Pid)
	must(w.t, err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.process.Process.Pid))
	must(w.t, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	must(w.t, err)
	return usage{cpu: p.cpu, peak: peak / 1024}
}

// process is a process as the kernel tells of it.
type process struct {
	name   string
	parent int
	cpu    time.Duration
}

func processOf(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The name, in brackets, may hold spaces; after it, the parent, utime and stime are the
	// 2nd, 12th and 13th field.
	begin, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[end+1:]))
	parent, err := strconv.Atoi(fields[1])
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return process{string(stat[begin+1 : end]), parent, time.Duration(user+system) * time.Second / ticks}, errors.Join(err, err1, err2)
}

// processorTimes are what this process, those that it started and those of the management cluster
// have used so far, by name.
func (w *world) processorTimes() map[string]time.Duration {
	w.t.Helper()
	entries, err := os.ReadDir("/proc")
	must(w.t, err)
	times := map[string]time.Duration{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		p, err := processOf(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		arguments, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if pid == os.Getpid() || p.parent == os.Getpid() || strings.Contains(string(arguments), suite.dir) {
			times[p.name] += p.cpu
		}
	}
	return times
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
