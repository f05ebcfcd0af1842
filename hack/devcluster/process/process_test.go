package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func startShell(t *testing.T, script string) *Handle {
	t.Helper()
	handle, err := Start(Spec{Name: "shell", Command: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "logs", "shell.log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = Stop(context.Background(), handle.Identity, time.Second) })
	return handle
}

func logContains(handle *Handle, text string) func(context.Context) error {
	return func(context.Context) error {
		if strings.Contains(strings.Join(Tail(handle.Log, 10), "\n"), text) {
			return nil
		}
		return errors.New("not yet")
	}
}

func TestParseStatSurvivesAnyCommandName(t *testing.T) {
	rest := " S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1000 1"
	for _, name := range []string{"etcd", "a b", "tricky) R 9", "(("} {
		ticks, state, err := parseStat(fmt.Sprintf("7 (%s)%s", name, rest))
		if err != nil || ticks != 4711 || state != 'S' {
			t.Errorf("%q: ticks %d, state %c, error %v", name, ticks, state, err)
		}
	}
	for _, bad := range []string{"", "7 etcd S", "7 (etcd) S 1 2"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestRecycledPidIsNotMistakenForOurs(t *testing.T) {
	mine, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !mine.Alive() {
		t.Fatal("the running process is not recognised")
	}
	recycled, rebooted := mine, mine
	recycled.StartTicks++
	rebooted.BootID = "another boot"
	for name, id := range map[string]Identity{"other start time": recycled, "other boot": rebooted, "no pid": {}} {
		if id.Alive() {
			t.Errorf("%s counts as alive", name)
		}
		// Were it mistaken for ours, this would end the test itself.
		if err := Stop(context.Background(), id, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStopEndsAProcessThatIgnoresSigterm(t *testing.T) {
	handle := startShell(t, `trap "" TERM; echo armed; while :; do sleep 1; done`)
	if err := handle.WaitReady(t.Context(), logContains(handle, "armed"), nil); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), handle.Identity, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if handle.Alive() {
		t.Fatal("still alive")
	}
}

func TestStopLetsAProcessCleanUp(t *testing.T) {
	handle := startShell(t, `trap "echo cleaned; exit 0" TERM; echo armed; while :; do sleep 0.05; done`)
	if err := handle.WaitReady(t.Context(), logContains(handle, "armed"), nil); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), handle.Identity, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := logContains(handle, "cleaned")(t.Context()); err != nil {
		t.Fatal("it was killed before it could clean up")
	}
}

func TestEarlyDeathIsReportedWithTheEndOfTheLog(t *testing.T) {
	handle := startShell(t, `echo "cannot bind 127.0.0.1:1"; exit 3`)
	err := handle.WaitReady(t.Context(), func(context.Context) error { return errors.New("refused") }, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"shell ended", "cannot bind 127.0.0.1:1", handle.Log} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestWaitingEndsWithItsContextAndSaysWhatFailed(t *testing.T) {
	handle := startShell(t, `echo up; exec sleep 600`)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := handle.WaitReady(ctx, func(context.Context) error { return errors.New("connection refused") }, nil)
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Fatalf("got %v", err)
	}
	if !handle.Alive() {
		t.Fatal("waiting must not end the process")
	}
}

func TestCallersAccountsAndClustersDoNotLeakIn(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("AWS_ENDPOINT_URL_EC2", "https://elsewhere")
	t.Setenv("KUBECONFIG", "production")
	log := filepath.Join(t.TempDir(), "env.log")
	handle, err := Start(Spec{Name: "env", Command: "/usr/bin/env", Env: []string{"AWS_REGION=us-east-1"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	<-handle.exited
	printed := strings.Join(Tail(log, 1000), "\n")
	if !strings.Contains(printed, "AWS_REGION=us-east-1") || !strings.Contains(printed, "PATH=") {
		t.Errorf("what was given or is harmless is missing:\n%s", printed)
	}
	for _, unwanted := range []string{"production", "elsewhere"} {
		if strings.Contains(printed, unwanted) {
			t.Errorf("%q leaked in:\n%s", unwanted, printed)
		}
	}
}

func TestStartedProcessHasItsOwnSession(t *testing.T) {
	handle := startShell(t, `exec sleep 600`)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", handle.PID))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if session := fields[3]; session != fmt.Sprint(handle.PID) {
		t.Fatalf("session is %s, want its own pid %d", session, handle.PID)
	}
}

// TestPortsOfProgramsThatAreStartingAreNotChosen has a port on which nobody listens yet.
func TestPortsOfProgramsThatAreStartingAreNotChosen(t *testing.T) {
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	if reserve(ports[0]) {
		t.Errorf("port %d is given away twice", ports[0])
	}
}

func TestFreePortsAreDifferentAndCanBeBound(t *testing.T) {
	ports, err := FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] || port < firstPort || port > lastPort {
			t.Errorf("port %d is repeated or outside the range", port)
		}
		seen[port] = true
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Errorf("port %d: %v", port, err)
			continue
		}
		_ = listener.Close()
	}
}
