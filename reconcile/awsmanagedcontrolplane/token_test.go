package awsmanagedcontrolplane

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestClusterAPINeverReadsATokenThatHasEnded has Cluster API read the Secret all the time for two hours, while the
// control plane is looked at no more often than it asks for itself. (Tokens are signed with the time of day, which
// stands still here, so their age is told by when they were written.)
func TestClusterAPINeverReadsATokenThatHasEnded(t *testing.T) {
	const step = 15 * time.Second
	w := newWorld(t, newControlPlane())
	w.create()
	secret := func() *corev1.Secret {
		return enginetest.Get(w.World, &corev1.Secret{}, enginetest.ClusterName+"-kubeconfig")
	}
	if who, err := emulator.Identify(w.AWS, string(secret().Data["token-file"]), w.get().ClusterName()); err != nil {
		t.Fatalf("the token is %+v: %v", who, err)
	}
	version, written, tokens := secret().ResourceVersion, w.Now.Now(), 1
	due := written
	for range 2 * time.Hour / step {
		if !w.Now.Now().Before(due) {
			result, err := w.reconcile()
			w.Must(err)
			if result.RequeueAfter == 0 {
				t.Fatal("it isn't looked at again")
			}
			due = w.Now.Now().Add(result.RequeueAfter)
		}
		if v := secret().ResourceVersion; v != version {
			version, written, tokens = v, w.Now.Now(), tokens+1
		}
		if age := w.Now.Now().Sub(written); age > cloud.TokenLife*2/3 {
			t.Fatalf("token %d is %v old and good for %v", tokens, age, cloud.TokenLife)
		}
		w.Elapse(step)
	}
	if tokens > 20 {
		t.Errorf("%d tokens in two hours, want one each seven minutes", tokens)
	}
}
