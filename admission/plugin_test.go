package admission

import (
	"context"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// newPlugin is the plugin as the server makes it, with these configurations in the host.
func newPlugin(t *testing.T, here *Here, configurations ...runtime.Object) *Plugin {
	t.Helper()
	plugins := admission.NewPlugins()
	RegisterPlugin(plugins)
	if _, err := plugins.InitPlugin(PluginName, nil, here); err == nil {
		t.Error("a plugin that sees no configurations is initialized")
	}
	host := informers.NewSharedInformerFactory(fake.NewClientset(configurations...), 0)
	made, err := plugins.InitPlugin(PluginName, nil, admission.PluginInitializers{here, watching{host}})
	if err != nil {
		t.Fatal(err)
	}
	host.StartWithContext(t.Context())
	t.Cleanup(host.Shutdown)
	return made.(*Plugin)
}

// watching gives the plugin the host's informers, as the library does.
type watching struct {
	host informers.SharedInformerFactory
}

func (w watching) Initialize(p admission.Interface) {
	p.(*Plugin).SetExternalKubeInformerFactory(w.host)
}

// open are rules that can be asked.
func open(t *testing.T, opts Options) *Here {
	t.Helper()
	here := &Here{}
	opts.Here = here
	serve(t, opts)
	eventually(t, func() error {
		if here.rules.Load() == nil {
			return apierrors.NewServiceUnavailable("not open yet")
		}
		return nil
	})
	return here
}

func configurations() []runtime.Object {
	meta := metav1.ObjectMeta{Name: ConfigurationName}
	return []runtime.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: meta}, &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: meta},
	}
}

// asked are the attributes of a request for a kind.
func asked(operation admission.Operation, subresource string, updated, old client.Object) admission.Attributes {
	object := updated
	if object == nil {
		object = old
	}
	kind := group.KindName(object)
	gvk, gvr := infrav1.SchemeGroupVersion.WithKind(kind), infrav1.SchemeGroupVersion.WithResource(strings.ToLower(kind)+"s")
	var now, before runtime.Object
	if updated != nil {
		now = updated
	}
	if old != nil {
		before = old
	}
	return admission.NewAttributesRecord(now, before, gvk, object.GetNamespace(), object.GetName(), gvr, subresource, operation, nil, false, nil)
}

func TestPluginJudgesAsTheWebhooksDo(t *testing.T) {
	closed, allowed := cluster(staticRef("closed"), "us-east-1"), cluster(staticRef("open"), "us-east-1")
	labelled := closed.DeepCopy()
	labelled.Labels = map[string]string{"team": "a"}
	deleting := closed.DeepCopy()
	deleting.DeletionTimestamp = &metav1.Time{}
	reader := readerWith(t, append(identityWorld(), allowed)...)
	here := open(t, Options{Reader: reader, Host: reader})
	p, unconfigured := newPlugin(t, here, configurations()...), newPlugin(t, here)
	for name, c := range map[string]struct {
		plugin  *Plugin
		request admission.Attributes
		refused string
	}{
		"a creation":                       {p, asked(admission.Create, "", closed, nil), `admission webhook "validate.awscluster.infrastructure.cluster.x-k8s.io" denied the request: `},
		"one that may be":                  {p, asked(admission.Create, "", allowed, nil), ""},
		"without a configuration":          {unconfigured, asked(admission.Create, "", closed, nil), ""},
		"an update":                        {p, asked(admission.Update, "", closed, allowed), `admission webhook "update.awscluster.infrastructure.cluster.x-k8s.io" denied the request: `},
		"an update of labels":              {p, asked(admission.Update, "", labelled, closed), ""},
		"an update of a status":            {p, asked(admission.Update, "status", closed, allowed), ""},
		"finalizers of what is going":      {p, asked(admission.Update, "", deleting, allowed), ""},
		"a deletion of what is needed":     {p, asked(admission.Delete, "", nil, static("open", everyone)), `admission webhook "deletion.awsclusterstaticidentity.infrastructure.cluster.x-k8s.io" denied the request: `},
		"a deletion of what nobody needs":  {p, asked(admission.Delete, "", nil, static("closed", nil)), ""},
		"a deletion of what has no rule":   {p, asked(admission.Delete, "", nil, allowed), ""},
		"a deletion without configuration": {unconfigured, asked(admission.Delete, "", nil, static("open", everyone)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.plugin.Validate(t.Context(), c.request, nil)
			switch {
			case c.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.refused != "" && (!apierrors.IsInvalid(err) || !strings.HasPrefix(err.Error(), c.refused)):
				t.Errorf("answered %v, want %s", err, c.refused)
			}
		})
	}
}

func TestPluginAnswersWhatTheWebhooksAnswer(t *testing.T) {
	closed := cluster(staticRef("closed"), "us-east-1")
	reader := readerWith(t, identityWorld()...)
	here := &Here{}
	e := serve(t, Options{Reader: reader, Host: reader, Here: here})
	answer := e.review(t, validateCluster, "CREATE", closed, nil)
	err := newPlugin(t, here, configurations()...).Validate(t.Context(), asked(admission.Create, "", closed, nil), nil)
	if err == nil || !strings.HasSuffix(err.Error(), answer.Result.Message) {
		t.Errorf("the plugin says %v\nthe webhook says %s", err, answer.Result.Message)
	}
}

func TestPluginFillsInDefaults(t *testing.T) {
	here := open(t, Options{Reader: readerWith(t), Host: readerWith(t), DefaultRegion: "eu-west-1"})
	p, unconfigured := newPlugin(t, here, configurations()...), newPlugin(t, here)
	for name, c := range map[string]struct {
		plugin *Plugin
		region string
		want   string
	}{
		"what is left out":        {p, "", "eu-west-1"},
		"not what is written":     {p, "us-east-1", "us-east-1"},
		"not without the webhook": {unconfigured, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := cluster(nil, c.region)
			want := got.DeepCopy()
			want.Spec.Region = c.want
			request := asked(admission.Create, "", got, nil)
			if err := c.plugin.Admit(t.Context(), request, nil); err != nil {
				t.Fatal(err)
			}
			if again, changed := request.GetReinvocationContext().ShouldReinvoke(), c.region != c.want; again != changed {
				t.Errorf("webhooks that want to see changes are asked again: %v, and the object changed: %v", again, changed)
			}
			if !equality.Semantic.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// warnings are what a client would be told.
type warnings struct{ texts []string }

func (w *warnings) AddWarning(_, text string) { w.texts = append(w.texts, text) }

func TestPluginWarns(t *testing.T) {
	reader := readerWith(t, identityWorld()...)
	p := newPlugin(t, open(t, Options{Reader: reader, Host: reader}), configurations()...)
	heard := &warnings{}
	ctx := warning.WithWarningRecorder(t.Context(), heard)
	if err := p.Validate(ctx, asked(admission.Create, "", cluster(staticRef("not there yet"), "us-east-1"), nil), nil); err != nil {
		t.Fatal(err)
	}
	if len(heard.texts) == 0 {
		t.Error("no warning of an identity that isn't there")
	}
}

func TestPluginLetsNothingInUnjudged(t *testing.T) {
	p := newPlugin(t, &Here{}, configurations()...)
	if err := p.Validate(t.Context(), asked(admission.Create, "", cluster(nil, "us-east-1"), nil), nil); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("before the rules can be asked: %v", err)
	}
	if err := p.Admit(t.Context(), asked(admission.Create, "", cluster(nil, "us-east-1"), nil), nil); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("before the rules can be asked: %v", err)
	}
	labelled := cluster(nil, "us-east-1")
	labelled.Labels = map[string]string{"team": "a"}
	if err := p.Validate(t.Context(), asked(admission.Update, "", labelled, cluster(nil, "us-east-1")), nil); err != nil {
		t.Errorf("an update that no rule would judge: %v", err)
	}
}

func TestPluginWaitsForNoAdvice(t *testing.T) {
	slow := func(ctx context.Context, _ Request) ([]string, field.ErrorList) {
		<-ctx.Done()
		return nil, field.ErrorList{field.InternalError(field.NewPath("spec"), ctx.Err())}
	}
	for name, c := range map[string]struct {
		advisory, refused bool
	}{
		"what would never work": {false, true},
		"advice":                {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			here := &Here{}
			here.open([]judge{{kinds[0], Rules{Validate: []Rule{slow}, Advisory: c.advisory}}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			err := newPlugin(t, here, configurations()...).Validate(ctx, asked(admission.Create, "", cluster(nil, "us-east-1"), nil), nil)
			if (err != nil) != c.refused {
				t.Errorf("answered %v", err)
			}
		})
	}
}
