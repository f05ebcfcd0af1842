package awsmachine

import (
	"context"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Consoles reads the consoles of machines' instances. Its errors are API errors.
type Consoles interface {
	Output(ctx context.Context, machine *infrav1.AWSMachine) (string, error)
}

// ConsoleREST is the console subresource: what the instance last wrote to its
// console, as text. It answers why a machine didn't join:
//
//	kubectl get --raw /apis/infrastructure.cluster.x-k8s.io/v2beta1/namespaces/NS/awsmachines/NAME/console
type ConsoleREST struct {
	machines rest.Getter
	consoles Consoles
}

var _ rest.Connecter = &ConsoleREST{}

// NewConsoleREST reads machines from their storage.
func NewConsoleREST(machines rest.Getter, consoles Consoles) *ConsoleREST {
	return &ConsoleREST{machines: machines, consoles: consoles}
}

// New makes an empty object.
func (r *ConsoleREST) New() runtime.Object { return &infrav1.AWSMachine{} }

// Destroy has nothing to release.
func (r *ConsoleREST) Destroy() {}

// ConnectMethods are the methods that read.
func (r *ConsoleREST) ConnectMethods() []string { return []string{http.MethodGet} }

// NewConnectOptions tells that there are none.
func (r *ConsoleREST) NewConnectOptions() (runtime.Object, bool, string) { return nil, false, "" }

// Connect answers with the console's text.
func (r *ConsoleREST) Connect(ctx context.Context, name string, _ runtime.Object, responder rest.Responder) (http.Handler, error) {
	obj, err := r.machines.Get(ctx, name, &metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		text, err := r.consoles.Output(request.Context(), obj.(*infrav1.AWSMachine))
		if err != nil {
			responder.Error(err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // a client that went away is no error
	}), nil
}
