package e2e

import (
	"context"
	"testing"
)

// TestExternalEtcdKeepsIntent runs the server over an etcd of its own over TLS,
// as several replicas do, and ends it without a goodbye.
func TestExternalEtcdKeepsIntent(t *testing.T) {
	etcd := suite.local
	w := newWorld(t, "--etcd-servers="+etcd.EtcdServer, "--etcd-cafile="+etcd.EtcdCA,
		"--etcd-certfile="+etcd.EtcdClientCert, "--etcd-keyfile="+etcd.EtcdClientKey, "--leader-elect")
	ns, name := w.namespace(), "kept"
	w.apply(ns, quickStart(name))
	before := w.waitReady(ns, name)
	w.kill()
	w.startServer()
	after, err := w.storedCluster(context.Background(), ns, name)
	must(t, err)
	if after.UID != before.UID || after.Spec.Network.VPC.ID != before.Spec.Network.VPC.ID {
		t.Errorf("after the restart the cluster is %s with VPC %s, want %s with %s", after.UID, after.Spec.Network.VPC.ID, before.UID, before.Spec.Network.VPC.ID)
	}
	w.deleteCluster(ns, name)
}
