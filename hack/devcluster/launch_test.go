package devcluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// sleeper is a launch whose etcd is sleep(1).
func sleeper(t *testing.T) (*launch, func(seconds string) program) {
	t.Helper()
	files := layout{dir: t.TempDir(), bin: t.TempDir()}
	if err := os.Symlink("/bin/sleep", files.binary(build.Etcd)); err != nil {
		t.Fatal(err)
	}
	state, err := loadState(files.state())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range state.processes() {
			_ = process.Stop(context.Background(), r.Identity, time.Second)
		}
	})
	l := &launch{layout: files, state: state, out: &printer{out: &bytes.Buffer{}}}
	return l, func(seconds string) program {
		return program{name: build.Etcd, args: []string{seconds}, ready: func(context.Context) error { return nil }}
	}
}

func (l *launch) pid(t *testing.T) int {
	t.Helper()
	r, known := l.state.find(build.Etcd)
	if !known || !r.Alive() {
		t.Fatalf("no living process in %v", l.state.processes())
	}
	return r.PID
}

func TestRunningProcessIsLeftAloneUntilItsArgumentsChange(t *testing.T) {
	l, etcd := sleeper(t)
	ensure := func(p program) string {
		how, err := l.ensure(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return how
	}
	ensure(etcd("600"))
	first := l.pid(t)
	if how := ensure(etcd("600")); !strings.HasPrefix(how, "already running") || l.pid(t) != first {
		t.Fatalf("second time: %s, pid %d then %d", how, first, l.pid(t))
	}
	if how := ensure(etcd("601")); !strings.HasPrefix(how, "restarted") || l.pid(t) == first {
		t.Fatalf("with other arguments: %s, pid %d then %d", how, first, l.pid(t))
	}
}

func TestDeadProcessIsStartedAgain(t *testing.T) {
	l, etcd := sleeper(t)
	if _, err := l.ensure(t.Context(), etcd("600")); err != nil {
		t.Fatal(err)
	}
	dead, _ := l.state.find(build.Etcd)
	if err := process.Stop(t.Context(), dead.Identity, time.Second); err != nil {
		t.Fatal(err)
	}
	how, err := l.ensure(t.Context(), etcd("600"))
	if err != nil || !strings.Contains(how, "it had died") || l.pid(t) == dead.PID {
		t.Fatalf("%s, %v", how, err)
	}
}

func TestProcessThatFailsToStartIsStillKnownToDown(t *testing.T) {
	l, etcd := sleeper(t)
	p := etcd("600")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	p.ready = func(context.Context) error { return errors.New("never") }
	if _, err := l.ensure(ctx, p); err == nil {
		t.Fatal("no error")
	}
	saved, err := loadState(l.layout.state())
	if err != nil {
		t.Fatal(err)
	}
	r, known := saved.find(build.Etcd)
	if !known || !r.Alive() {
		t.Fatalf("the state holds %v", saved.processes())
	}
	if err := Down(t.Context(), l.layout.dir, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if r.Alive() {
		t.Fatal("down left it running")
	}
}

func TestDownSparesARecycledPidAndKeepsLogs(t *testing.T) {
	l, _ := sleeper(t)
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	self.StartTicks++
	if err := l.state.put(record{Name: build.Etcd, Identity: self}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(l.layout.logs(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{l.layout.log(build.Etcd), l.layout.kubeconfig(), l.layout.awsEnv()} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := Down(t.Context(), l.layout.dir, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "was not running any more") {
		t.Errorf("it says: %s", out.String())
	}
	left, err := os.ReadDir(l.layout.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range left {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, []string{".lock", "logs"}) {
		t.Errorf("left behind: %v", names)
	}
}

func TestPortsStayForTheClustersLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	first, err := loadState(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.reservePorts([]string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	second, err := loadState(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.reservePorts([]string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if second.port("a") != first.port("a") || second.port("b") != first.port("b") || second.port("c") == 0 {
		t.Fatalf("first %v, then %v", first.ports(), second.ports())
	}
}

func TestStepsRunAfterWhatTheyWaitFor(t *testing.T) {
	var mu sync.Mutex
	var order []string
	add := func(name string, after ...string) step {
		return step{name: name, after: after, run: func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return "", nil
		}}
	}
	steps := []step{add("demo", "server", "left out"), add("server", "etcd"), add("etcd")}
	if err := runSteps(t.Context(), &printer{out: &bytes.Buffer{}}, steps); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{"etcd", "server", "demo"}) {
		t.Fatalf("order: %v", order)
	}
}

func TestFailedStepKeepsLaterOnesFromRunning(t *testing.T) {
	ran := false
	steps := []step{
		{name: "etcd", run: func(context.Context) (string, error) { return "", errors.New("disk full") }},
		{name: "server", after: []string{"etcd"}, run: func(context.Context) (string, error) { ran = true; return "", nil }},
	}
	err := runSteps(t.Context(), &printer{out: &bytes.Buffer{}}, steps)
	if err == nil || err.Error() != "etcd: disk full" || ran {
		t.Fatalf("error %v, later step ran: %v", err, ran)
	}
}
