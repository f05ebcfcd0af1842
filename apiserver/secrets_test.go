package apiserver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// secretsHost serves the Secrets of a namespace and counts how often it is asked.
type secretsHost struct {
	mayList bool
	items   []corev1.Secret
	lists   atomic.Int32
}

func (h *secretsHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/api/v1/namespaces/capa-system/secrets":
		http.NotFound(w, r)
	case !h.mayList:
		http.Error(w, "no", http.StatusForbidden)
	case r.URL.Query().Get("watch") != "" && r.URL.Query().Get("sendInitialEvents") == "":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case r.URL.Query().Get("watch") != "":
		http.Error(w, "lists are asked for as lists", http.StatusUnprocessableEntity)
	default:
		h.lists.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&corev1.SecretList{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "SecretList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: h.items,
		})
	}
}

func secretOf(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: name}, Data: map[string][]byte{
		"AccessKeyID": []byte("AKIA"), "SecretAccessKey": []byte("x"), "tls.key": []byte("private"),
	}}
}

func newSecrets(t *testing.T, h *secretsHost) (identitySecrets, client.Client) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	live := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).Build()
	config := &rest.Config{Host: server.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	s, err := newIdentitySecrets(config, clientgoscheme.Scheme, "capa-system", live)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.watched.Start(t.Context()) }()
	t.Cleanup(server.CloseClientConnections)
	return s, live
}

func TestAThousandMachinesOfOneIdentityAskTheHostOnce(t *testing.T) {
	h := &secretsHost{mayList: true, items: []corev1.Secret{*secretOf("keys")}}
	s, live := newSecrets(t, h)
	if !s.watched.WaitForCacheSync(t.Context()) {
		t.Fatal("the Secrets aren't listed")
	}
	var group errgroup.Group
	for range 1000 {
		group.Go(func() error {
			got := &corev1.Secret{}
			if err := s.Get(t.Context(), client.ObjectKey{Namespace: "capa-system", Name: "keys"}, got); err != nil {
				return err
			}
			if string(got.Data["AccessKeyID"]) != "AKIA" || got.Data["tls.key"] != nil {
				t.Errorf("kept is %v", got.Data)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if h.lists.Load() != 1 {
		t.Errorf("listed %d times", h.lists.Load())
	}

	// Applied together with the identity that names it.
	if err := live.Create(t.Context(), secretOf("new")); err != nil {
		t.Fatal(err)
	}
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: "capa-system", Name: "new"}, &corev1.Secret{}); err != nil {
		t.Errorf("a new Secret isn't found: %v", err)
	}
}

func TestHostThatListsNoSecretsIsAskedForEach(t *testing.T) {
	s, live := newSecrets(t, &secretsHost{})
	if err := live.Create(t.Context(), secretOf("keys")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: "capa-system", Name: "keys"}, &corev1.Secret{}); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*secretsPatience {
		t.Errorf("it took %s", took)
	}
	err := s.Get(t.Context(), client.ObjectKey{Namespace: "capa-system", Name: "none"}, &corev1.Secret{})
	if err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a Secret that isn't there: %v", err)
	}
}
