package admission

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/informers"
	listers "k8s.io/client-go/listers/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// PluginName is the name under which the plugin is switched on.
const PluginName = "OwnAdmissionWebhooks"

// Plugin judges the requests to its own API server as the webhooks would, which it has no
// need to ask over the network, nor in JSON: that took a fifth of what a creation costs
// this process. As with webhooks, their configurations in the host decide whether any are judged.
type Plugin struct {
	*admission.Handler
	here       *Here
	mutating   listers.MutatingWebhookConfigurationLister
	validating listers.ValidatingWebhookConfigurationLister
}

var (
	_ admission.MutationInterface                  = (*Plugin)(nil)
	_ admission.ValidationInterface                = (*Plugin)(nil)
	_ admission.InitializationValidator            = (*Plugin)(nil)
	_ initializer.WantsExternalKubeInformerFactory = (*Plugin)(nil)
	_ admission.PluginInitializer                  = (*Here)(nil)
)

// RegisterPlugin makes the plugin known to the server. Here has to be one of its initializers.
func RegisterPlugin(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		return &Plugin{Handler: admission.NewHandler(admission.Create, admission.Update, admission.Delete)}, nil
	})
}

// Here are the rules of this process, once they can be asked.
type Here struct {
	rules atomic.Pointer[map[schema.GroupKind]judge]
}

// Initialize gives them to the plugin.
func (h *Here) Initialize(plugin admission.Interface) {
	if p, ok := plugin.(*Plugin); ok {
		p.here = h
	}
}

// open has the plugin answered by the rules.
func (h *Here) open(judges []judge) {
	if h == nil {
		return
	}
	all := map[schema.GroupKind]judge{}
	for _, j := range judges {
		all[j.kind.GroupKind()] = j
	}
	h.rules.Store(&all)
}

// SetExternalKubeInformerFactory has the plugin see the configurations in the host.
func (p *Plugin) SetExternalKubeInformerFactory(host informers.SharedInformerFactory) {
	mutating, validating := host.Admissionregistration().V1().MutatingWebhookConfigurations(), host.Admissionregistration().V1().ValidatingWebhookConfigurations()
	p.mutating, p.validating = mutating.Lister(), validating.Lister()
	p.SetReadyFunc(func() bool { return mutating.Informer().HasSynced() && validating.Informer().HasSynced() })
}

// ValidateInitialization fails where somebody forgot to initialize the plugin.
func (p *Plugin) ValidateInitialization() error {
	if p.here == nil || p.mutating == nil {
		return errors.New(PluginName + " needs the rules and the host's informers")
	}
	return nil
}

// Admit fills in what needs more than the object.
func (p *Plugin) Admit(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetOperation() != admission.Create {
		return nil
	}
	j, err := p.judgeOf(a, func() error { _, err := p.mutating.Get(ConfigurationName); return err })
	if err != nil || len(j.rules.Default) == 0 {
		return err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(a.GetObject())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutSeconds*time.Second)
	defer cancel()
	r, object := requestOf(a), &unstructured.Unstructured{Object: content}
	before := object.DeepCopy()
	if err := j.fill(ctx, r, object); err != nil {
		return j.refusal("default.", webhook.Errored(http.StatusInternalServerError, err))
	}
	if equality.Semantic.DeepEqual(before, object) {
		return nil
	}
	// Webhooks that came before and want to see what others change are asked again.
	a.GetReinvocationContext().SetShouldReinvoke()
	return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, a.GetObject())
}

// Validate asks the rules.
func (p *Plugin) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetSubresource() == "" && a.GetOperation() == admission.Update && unjudged(a.GetObject(), a.GetOldObject()) {
		return nil
	}
	j, err := p.judgeOf(a, func() error { _, err := p.validating.Get(ConfigurationName); return err })
	if err != nil || len(j.rules.Validate)+len(j.rules.Delete) == 0 {
		return err
	}
	r := requestOf(a)
	ctx, cancel := context.WithTimeout(ctx, timeoutSeconds*time.Second)
	defer cancel()
	answer := j.validate(ctx, r)
	for _, text := range answer.Warnings {
		warning.AddWarning(ctx, "", text)
	}
	if answer.Allowed || j.rules.Advisory && ctx.Err() != nil {
		return nil
	}
	return j.refusal(verbs[a.GetOperation()], answer)
}

// verbs begin the names of the webhooks.
var verbs = map[admission.Operation]string{admission.Create: "validate.", admission.Update: "update.", admission.Delete: "deletion."}

// judgeOf returns what judges a request, nothing where nothing does.
func (p *Plugin) judgeOf(a admission.Attributes, configured func() error) (judge, error) {
	if a.GetSubresource() != "" {
		return judge{}, nil
	}
	if !p.WaitForReady() {
		return judge{}, admission.NewForbidden(a, errors.New("not yet ready to handle request"))
	}
	if err := configured(); err != nil {
		if apierrors.IsNotFound(err) {
			return judge{}, nil
		}
		return judge{}, err
	}
	rules := p.here.rules.Load()
	if rules == nil {
		return judge{}, apierrors.NewServiceUnavailable("the admission rules can't be asked yet: try again")
	}
	return (*rules)[a.GetKind().GroupKind()], nil
}

// refusal says what the API server says of a webhook's.
func (j judge) refusal(verb string, answer webhook.Response) error {
	return webhookerrors.ToStatusErr(verb+j.kind.webhookName(), answer.Result)
}

// requestOf is what a rule is asked. The rules get objects of their own: the present one may be a cache's.
func requestOf(a admission.Attributes) Request {
	return Request{
		Operation: admissionv1.Operation(a.GetOperation()), Object: copyOf(a.GetObject()), Old: copyOf(a.GetOldObject()), DryRun: a.IsDryRun(),
		Namespace: a.GetNamespace(), Name: a.GetName(),
	}
}

func copyOf(object runtime.Object) client.Object {
	if object == nil {
		return nil
	}
	copied, _ := object.DeepCopyObject().(client.Object)
	return copied
}

// unjudged tells of an update that no rule would judge; see matchConditions.
func unjudged(updated, old runtime.Object) bool {
	object, ok := updated.(client.Object)
	return ok && (object.GetDeletionTimestamp() != nil || equality.Semantic.DeepEqual(specOf(updated), specOf(old)))
}

// specOf is what users write in an object of the hub's Go type.
func specOf(object runtime.Object) any {
	return reflect.Indirect(reflect.ValueOf(object)).FieldByName("Spec").Interface()
}
