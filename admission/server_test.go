package admission

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	validateCluster = "/validate-infrastructure-cluster-x-k8s-io-v2beta1-awscluster"
	mutateCluster   = "/mutate-infrastructure-cluster-x-k8s-io-v2beta1-awscluster"
)

// endpoint is a running webhook server and a client that trusts it.
type endpoint struct {
	url    string
	client *http.Client
}

func serve(t *testing.T, opts Options) endpoint {
	t.Helper()
	authority := newAuthority(t)
	pair := authority.issue(t)
	opts.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }
	opts.Callers = func() []byte { return authority.pem }
	opts.Kinds = kinds
	server, err := NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority.pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, Certificates: []tls.Certificate{*pair}}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return endpoint{url: "https://" + listener.Addr().String(), client: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
}

// review sends one AdmissionReview v1 as an API server does.
func (e endpoint) review(t *testing.T, path string, operation admissionv1.Operation, updated, old client.Object) *admissionv1.AdmissionResponse {
	t.Helper()
	review := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "review-1", Operation: operation, Namespace: "team-a", Name: "one",
			Object: raw(t, updated), OldObject: raw(t, old),
		},
	}
	subject := updated
	if subject == nil {
		subject = old
	}
	gvk := infrav1.SchemeGroupVersion.WithKind(group.KindName(subject))
	review.Request.Kind = metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
	body, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := e.client.Post(e.url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out admissionv1.AdmissionReview
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	if out.APIVersion != "admission.k8s.io/v1" || out.Response == nil || out.Response.UID != "review-1" {
		t.Fatalf("answer %+v is no review of the request", out)
	}
	return out.Response
}

func raw(t *testing.T, object client.Object) runtime.RawExtension {
	t.Helper()
	if object == nil {
		return runtime.RawExtension{}
	}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: data}
}

func TestWebhooksAnswerOverTLS(t *testing.T) {
	reader := readerWith(t, append(identityWorld(), cluster(staticRef("open"), "us-east-1"))...)
	e := serve(t, Options{Reader: reader, Host: reader, DefaultRegion: "eu-central-1", Regions: fakeRegions{"us-east-1": "opted-in", "ap-east-1": notOptedIn}})

	t.Run("a good cluster is let in", func(t *testing.T) {
		if got := e.review(t, validateCluster, admissionv1.Create, cluster(staticRef("open"), "us-east-1"), nil); !got.Allowed || len(got.Warnings) > 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("all that is wrong is said at once, as 422", func(t *testing.T) {
		got := e.review(t, validateCluster, admissionv1.Create, cluster(staticRef("closed"), "us-eest-1"), nil)
		if got.Allowed || got.Result.Code != 422 || got.Result.Reason != metav1.StatusReasonInvalid || len(got.Result.Details.Causes) != 2 {
			t.Fatalf("%+v", got)
		}
		for _, want := range []string{"spec.identityRef: Forbidden", "did you mean us-east-1?"} {
			if !strings.Contains(got.Result.Message, want) {
				t.Errorf("message %q lacks %q", got.Result.Message, want)
			}
		}
	})
	t.Run("warnings arrive", func(t *testing.T) {
		if got := e.review(t, validateCluster, admissionv1.Create, cluster(nil, "ap-east-1"), nil); !got.Allowed || len(got.Warnings) != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a deleted object always passes", func(t *testing.T) {
		deleting := cluster(staticRef("closed"), "mars-1")
		now := metav1.Now()
		deleting.DeletionTimestamp = &now
		if got := e.review(t, validateCluster, admissionv1.Update, deleting, cluster(nil, "")); !got.Allowed {
			t.Errorf("%+v", got)
		}
	})
	t.Run("an identity in use can't be deleted", func(t *testing.T) {
		path := "/validate-infrastructure-cluster-x-k8s-io-v2beta1-awsclusterstaticidentity"
		got := e.review(t, path, admissionv1.Delete, nil, static("open", everyone))
		if got.Allowed || !strings.Contains(got.Result.Message, "still used by AWSCluster team-a/one") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the region is filled in and nothing else", func(t *testing.T) {
		got := e.review(t, mutateCluster, admissionv1.Create, cluster(staticRef("open"), ""), nil)
		if !got.Allowed || string(got.Patch) != `[{"op":"add","path":"/spec/region","value":"eu-central-1"}]` {
			t.Errorf("patch %s", got.Patch)
		}
	})
	t.Run("a written region stays", func(t *testing.T) {
		if got := e.review(t, mutateCluster, admissionv1.Create, cluster(nil, "us-east-1"), nil); !got.Allowed || len(got.Patch) != 0 {
			t.Errorf("patch %s", got.Patch)
		}
	})
	t.Run("another kind at the path is a bad request", func(t *testing.T) {
		got := e.review(t, validateCluster, admissionv1.Create, static("x", nil), nil)
		if got.Allowed || got.Result.Code != 400 || !strings.Contains(got.Result.Message, "does not match this server") {
			t.Errorf("%+v", got)
		}
	})
}

func TestWebhookThatCannotJudgeSaysSo(t *testing.T) {
	broken := interceptor.NewClient(readerWith(t), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("etcd is away")
		},
	})
	e := serve(t, Options{Reader: broken, Host: broken})
	got := e.review(t, validateCluster, admissionv1.Create, cluster(roleRef("x"), ""), nil)
	if got.Allowed || got.Result.Code != 500 || !strings.Contains(got.Result.Message, "could not be judged, try again: spec.identityRef: etcd is away") {
		t.Errorf("%+v", got.Result)
	}
}

func TestObjectThatIsNoJSONOfTheKindIsABadRequest(t *testing.T) {
	for _, k := range kinds {
		_, err := k.read([]byte(`{"spec": "text"}`), "object")
		if err == nil || !strings.Contains(err.Error(), "object is no "+k.Kind) {
			t.Errorf("%s: error %v", k.Kind, err)
		}
	}
}

func TestServerNeedsItsReaders(t *testing.T) {
	if _, err := NewServer(Options{}); err == nil || !strings.Contains(err.Error(), "Reader") {
		t.Errorf("error %v", err)
	}
}
