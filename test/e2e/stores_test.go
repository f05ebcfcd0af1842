package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keptIdentity is an object that needs nobody but its store.
const keptIdentity = `
apiVersion: infrastructure.cluster.x-k8s.io/v2beta1
kind: AWSClusterStaticIdentity
metadata: {name: kept}
spec: {secretRef: keys, allowedNamespaces: {}}`

// waitKept looks for it through kube-apiserver, which learns with a delay that the server
// is back.
func (w *world) waitKept() {
	w.t.Helper()
	w.eventually("the object is still there", func(context.Context) error {
		if out, err := w.tryKubectl("", "get", "awsclusterstaticidentities", "kept"); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// A second replica with a store of its own would make the garbage collector delete what
// belongs to objects that aren't in it.
func TestASecondStoreNeverServes(t *testing.T) {
	w := newWorld(t)
	w.apply("default", keptIdentity)

	second := *w
	second.port, second.webhook, second.dataDir = freePort(t), freePort(t), t.TempDir()
	second.flags = append(second.flags, fmt.Sprintf("--webhook-url=https://127.0.0.1:%d", w.webhook), fmt.Sprintf("--service-port=%d", w.port))
	second.launch()
	t.Cleanup(second.stopServer)
	refuses := func(context.Context) error {
		if err := second.ready(); err == nil || !strings.Contains(err.Error(), "store") {
			return fmt.Errorf("the second one's /readyz says %w", err)
		}
		answer, err := probes.Get(fmt.Sprintf("https://127.0.0.1:%d/apis/infrastructure.cluster.x-k8s.io/v2beta1/awsclusters", second.port))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("the second one answers %s", answer.Status)
		}
		return nil
	}
	w.eventually("the second one refuses", refuses)
	w.eventually("it says what to do", func(context.Context) error {
		if log := second.serverLog(500); !strings.Contains(log, "kubectl delete lease -n capa-system capa-apiserver") {
			return errors.New("the cure isn't in its log")
		}
		return nil
	})

	// The first one goes away without a word, for longer than any Lease of replicas lasts.
	w.kill()
	time.Sleep(20 * time.Second)
	must(t, refuses(t.Context()))
	began := time.Now()
	w.launch()
	w.waitReadyz()
	t.Logf("the first one is back after %s", time.Since(began).Round(100*time.Millisecond))
	must(t, refuses(t.Context()))
	w.waitKept()
}

func TestStoreThatCantBeUsedEndsTheServerWithACure(t *testing.T) {
	w := newWorld(t)
	w.apply("default", keptIdentity)
	w.stopServer()
	logs := filepath.Join(w.dataDir, "etcd", "member", "wal")
	must(t, os.Rename(logs, logs+".away"))
	began := time.Now()
	w.launch()
	select {
	case err := <-w.ended:
		if err == nil {
			t.Error("it ended as if all were well")
		}
	case <-time.After(time.Minute):
		t.Fatalf("it doesn't end:\n%s", w.serverLog(20))
	}
	w.process = nil
	t.Logf("it ended after %s:\n%s", time.Since(began).Round(100*time.Millisecond), w.serverLog(1))
	if last := w.serverLog(1); !strings.Contains(last, "--data-dir="+filepath.Join(w.dataDir, "etcd")) || !strings.Contains(last, "backup") {
		t.Errorf("its last line names no folder or no cure: %s", last)
	}
	must(t, os.RemoveAll(logs))
	must(t, os.Rename(logs+".away", logs))
	w.startServer()
	w.waitKept()
}
