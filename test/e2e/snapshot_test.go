package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// TestSnapshotInACreationStormRestoresToOneOfEverything saves the store while a cluster and
// its machines are being made, and puts it back after they were: what it says of AWS is
// old then.
func TestSnapshotInACreationStormRestoresToOneOfEverything(t *testing.T) {
	w := newWorld(t, "--creation-grace=5s", "--sweep-period=3s", "--instance-sweep-period=3s")
	w.aws.Configure(func(c *emulatorConfig) { c.HideNewFor = 2 * time.Second })
	const count = 12
	ns, cluster := w.namespace(), "storm"
	early, middle, late := w.snapshotFile("early"), w.snapshotFile("middle"), w.snapshotFile("late")
	w.apply(ns, quickStart(cluster))
	w.eventually("the network is being made", func(context.Context) error { return w.has("ec2/vpc", 1) })
	w.snapshot("save", early)
	w.waitReady(ns, cluster)
	w.createFleet(ns, cluster, count)
	w.eventually("some instances are launched", func(context.Context) error { return w.has("ec2/instance", 2) })
	w.snapshot("save", middle)
	w.waitFleet(ns, count)
	w.waitIdle()
	want, uids := w.inventory(), w.kubectl("get", "awsclusters,awsmachines", "-n", ns, "-o", "jsonpath={.items[*].metadata.uid}")
	w.snapshot("save", late)

	t.Run("of the middle of the storm", func(t *testing.T) {
		w.restore(middle)
		w.waitReady(ns, cluster)
		w.waitFleet(ns, count)
		w.waitIdle()
		if diff := cmp.Diff(want, w.inventory()); diff != "" {
			t.Errorf("the account isn't as before (-want +got):\n%s", diff)
		}
		if got := w.kubectl("get", "awsclusters,awsmachines", "-n", ns, "-o", "jsonpath={.items[*].metadata.uid}"); got != uids {
			t.Errorf("the objects are others: %s, were %s", got, uids)
		}
	})
	t.Run("of before there were machines", func(t *testing.T) {
		w.restore(early)
		w.waitReady(ns, cluster)
		w.waitIdle()
		if diff := cmp.Diff(want, w.inventory()); diff != "" {
			t.Errorf("what nobody asks for any more isn't left alone (-want +got):\n%s", diff)
		}
	})
	t.Run("of when all was there", func(t *testing.T) {
		w.aws.ClearLog()
		w.restore(late)
		w.waitReady(ns, cluster)
		w.waitFleet(ns, count)
		w.waitIdle()
		if calls := w.aws.Changes(); len(calls) > 0 {
			t.Errorf("AWS was changed:\n%s", wrote(calls))
		}
	})
	t.Run("moved to an external etcd and back", func(t *testing.T) {
		w.aws.ClearLog()
		at := []string{"--etcd-servers=" + suite.local.EtcdServer, "--etcd-cafile=" + suite.local.EtcdCA, "--etcd-certfile=" + suite.local.EtcdClientCert,
			"--etcd-keyfile=" + suite.local.EtcdClientKey, fmt.Sprintf("--etcd-prefix=/moved-%d", time.Now().UnixNano())}
		embedded := w.flags
		w.stopServer()
		w.snapshot("save", w.snapshotFile("there"))
		w.snapshot(append([]string{"restore", w.snapshotFile("there")}, at...)...)
		if out, err := w.trySnapshot(append([]string{"restore", w.snapshotFile("there")}, at...)...); err == nil || !strings.Contains(out, "nothing was written") {
			t.Errorf("it was restored over what is there: %s", out)
		}
		w.flags = append(slices.Clone(embedded), append(at, "--leader-elect")...)
		w.forgetStore()
		w.startServer()
		w.waitReady(ns, cluster)
		w.waitFleet(ns, count)
		w.waitIdle()

		w.snapshot(append([]string{"save", w.snapshotFile("back")}, at...)...)
		w.stopServer()
		w.flags = embedded
		w.snapshot("restore", w.snapshotFile("back"))
		w.forgetStore()
		w.startServer()
		w.waitReady(ns, cluster)
		w.waitFleet(ns, count)
		w.waitIdle()
		if calls := w.aws.Changes(); len(calls) > 0 {
			t.Errorf("AWS was changed:\n%s", wrote(calls))
		}
		if got := w.kubectl("get", "awsclusters,awsmachines", "-n", ns, "-o", "jsonpath={.items[*].metadata.uid}"); got != uids {
			t.Errorf("the objects are others: %s, were %s", got, uids)
		}
	})
	w.deleteFleet(ns)
	w.waitGone(ns)
	w.deleteCluster(ns, cluster)
}

func (w *world) snapshotFile(name string) string {
	w.t.Helper()
	return filepath.Join(w.dataDir, name+".db")
}

// has tells whether AWS has at least so many of a type.
func (w *world) has(kind string, count int) error {
	if got := w.inventory()[kind]; got < count {
		return fmt.Errorf("there are %d %s", got, kind)
	}
	return nil
}

// snapshot runs the server's program beside the server.
func (w *world) snapshot(args ...string) {
	w.t.Helper()
	if out, err := w.trySnapshot(args...); err != nil {
		w.t.Fatalf("snapshot %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (w *world) trySnapshot(args ...string) (string, error) {
	cmd := exec.Command(w.program, append([]string{"snapshot", "--data-dir=" + filepath.Join(w.dataDir, "etcd")}, args...)...)
	cmd.Env = os.Environ()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// restore puts a snapshot in the place of what the server has.
func (w *world) restore(file string) {
	w.t.Helper()
	w.stopServer()
	w.snapshot("restore", file)
	w.forgetStore()
	w.startServer()
}

// forgetStore lets another store serve.
func (w *world) forgetStore() {
	w.t.Helper()
	must(w.t, w.client.Delete(w.t.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: "capa-apiserver"}}))
}

// An informer that knows a store of higher revisions hears of what happens in another one.
func TestWatchersOfAnotherStoreListAnew(t *testing.T) {
	w := newWorld(t)
	err := w.discovery.RESTClient().Get().AbsPath("/apis", infrav1.GroupName, "v2beta1", "awsclusters").
		Param("watch", "true").Param("resourceVersion", "900000000").Param("timeoutSeconds", "5").Do(t.Context()).Error()
	if err == nil || !strings.Contains(err.Error(), "isn't of this store") {
		t.Errorf("a watch that can't be served says %v", err)
	}
}
