// Package fuzzing holds fuzz targets to what any input may cost: a second of the
// processor, and 64 MiB.
package fuzzing

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"
)

// What one input may cost.
const (
	MaxTime  = time.Second
	MaxBytes = 64 << 20
)

// MaxInput is how long an input is tried. The request body that the API server reads is
// longer; the fuzzer seldom comes so far.
const MaxInput = 256 << 10

// Limited runs a function and fails the test if it costs more than an input may. What
// counts is the time that the process was on a processor, so that a busy machine fails
// nothing; inputs are tried one after the other. A function that doesn't end is ended,
// with the stacks of all goroutines. Memory is all that was allocated, collected or not.
func Limited(t testing.TB, run func()) {
	t.Helper()
	time0, bytes0 := processorTime(), allocated()
	done := make(chan struct{})
	go watch(done, time0)
	run()
	close(done)
	if used := processorTime() - time0; used > MaxTime {
		t.Errorf("it took %s of the processor, more than %s", used, MaxTime)
	}
	if used := allocated() - bytes0; used > MaxBytes {
		t.Errorf("it allocated %d MiB, more than %d", used>>20, MaxBytes>>20)
	}
}

// watch ends the process when a run takes several times what it may: a run that ends a
// little late is reported by the test itself.
func watch(done <-chan struct{}, since time.Duration) {
	const several = 5
	ticks := time.NewTicker(MaxTime / several)
	defer ticks.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticks.C:
			if used := processorTime() - since; used > several*MaxTime {
				debug.SetTraceback("all")
				panic(fmt.Sprintf("the input is still being worked on after %s of the processor", used))
			}
		}
	}
}

// processorTime is how long the process was on a processor, in user code and for the kernel.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // only wrong arguments make it fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// allocated is how many bytes the process has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
