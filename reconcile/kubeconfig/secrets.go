package kubeconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// The keys of the Secrets.
const (
	valueKey     = "value"
	relativeKey  = "relative"
	tokenFileKey = "token-file"
)

// renewAnnotation says when the token in a Secret is to be renewed.
const renewAnnotation = "capa-apiserver.cluster.x-k8s.io/renew-token-after"

// lookPeriod is how often a Secret is looked at that may have been deleted or changed.
const lookPeriod = time.Minute

// Secrets are the Secrets of all clusters as this process knows them.
type Secrets struct {
	host     client.Client
	clusters *workload.Clusters
	clock    clock.PassiveClock

	mu    sync.Mutex
	known map[client.ObjectKey]look
}

// look is what a look at the Secrets of a Cluster showed.
type look struct {
	at    time.Time
	state State
	// renew is when the token is to be renewed.
	renew time.Time
}

// NewSecrets knows none yet. The host's client reads Secrets without a cache. The clock is the real one
// if nil.
func NewSecrets(host client.Client, clusters *workload.Clusters, c clock.PassiveClock) *Secrets {
	if c == nil {
		c = clock.RealClock{}
	}
	return &Secrets{host: host, clusters: clusters, clock: c, known: map[client.ObjectKey]look{}}
}

func (in *Intent) cluster() client.ObjectKey {
	return client.ObjectKey{Namespace: in.Namespace, Name: in.Cluster}
}

// State is what is known of the Secrets now.
func (s *Secrets) State(in *Intent) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.known[in.cluster()]
	known.state.Core.Due = known.due(s.clock.Now())
	return known.state
}

// due tells that the token is to be renewed: also one of which nobody knows how long it lives.
func (l look) due(now time.Time) bool { return !now.Before(l.renew) }

// Forget forgets what is known of the Secrets of a Cluster.
func (s *Secrets) Forget(in *Intent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, in.cluster())
}

// Look looks at the Secrets, if it is due, and says when something is to be done next.
func (s *Secrets) Look(ctx context.Context, in *Intent) (again time.Duration, err error) {
	if !in.Target.Known() {
		return 0, nil
	}
	now := s.clock.Now()
	s.mu.Lock()
	known := s.known[in.cluster()]
	s.mu.Unlock()
	if !known.state.Looked || now.Sub(known.at) >= lookPeriod || known.due(now) {
		known = look{at: now, state: State{Looked: true}}
		core, users := in.keys()
		if known.state.Core, known.renew, err = s.read(ctx, in, core); err != nil {
			return 0, err
		}
		if known.state.Users, _, err = s.read(ctx, in, users); err != nil {
			return 0, err
		}
		s.mu.Lock()
		s.known[in.cluster()] = known
		s.mu.Unlock()
	}
	return s.Again(in), nil
}

// Again is how long it is until the token is to be renewed.
func (s *Secrets) Again(in *Intent) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.known[in.cluster()].renew.Sub(s.clock.Now()), 0)
}

func (s *Secrets) read(ctx context.Context, in *Intent, key client.ObjectKey) (Secret, time.Time, error) {
	obj := &corev1.Secret{}
	if err := s.host.Get(ctx, key, obj); err != nil {
		if apierrors.IsNotFound(err) {
			return Secret{}, time.Time{}, nil
		}
		return Secret{}, time.Time{}, fmt.Errorf("read Secret %s: %w", key, err)
	}
	seen, renew := in.seen(obj)
	return seen, renew, nil
}

// seen is what a Secret shows.
func (in *Intent) seen(obj *corev1.Secret) (Secret, time.Time) {
	out := Secret{version: obj.ResourceVersion}
	switch ref := metav1.GetControllerOf(obj); {
	case ref == nil && len(obj.OwnerReferences) > 0:
		out.foreign = obj.OwnerReferences[0].Kind + " " + obj.OwnerReferences[0].Name
	case ref == nil:
		out.foreign = "nobody, as it has no controller"
	case !in.owned(ref):
		out.foreign = ref.Kind + " " + ref.Name
	default:
		out.owner = ref.UID
	}
	renew, _ := time.Parse(time.RFC3339, obj.Annotations[renewAnnotation])
	c, err := clientcmd.Load(obj.Data[valueKey])
	if err != nil {
		return out, time.Time{}
	}
	use := c.Contexts[c.CurrentContext]
	if use == nil || c.Clusters[use.Cluster] == nil || c.AuthInfos[use.AuthInfo] == nil {
		return out, time.Time{}
	}
	out.endpoint, out.ca = c.Clusters[use.Cluster].Server, string(c.Clusters[use.Cluster].CertificateAuthorityData)
	out.form, out.method = formOf(c.AuthInfos[use.AuthInfo]), methodOf(c.AuthInfos[use.AuthInfo])
	return out, renew
}

func formOf(auth *clientcmdapi.AuthInfo) form {
	switch {
	case auth.Exec != nil:
		return forUsers
	case strings.HasPrefix(auth.Token, cloud.TokenPrefix):
		return byIAM
	case auth.Token != "":
		return byToken
	}
	return ""
}

// Handlers carry out what is planned for Secrets.
func Handlers(s *Secrets) []plan.Handler {
	return []plan.Handler{plan.Custom("WriteKubeconfig", s.write, nil)}
}

// write makes the token, and with it the Secret. Somebody else's isn't touched, and one that changed since
// it was looked at is looked at again.
func (s *Secrets) write(ctx context.Context, session *cloud.Session, in *Write) (*corev1.Secret, error) {
	data, renew, err := s.content(ctx, session, in)
	if err != nil {
		return nil, err
	}
	obj := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: in.Key.Namespace, Name: in.Key.Name, ResourceVersion: in.Replaces,
		Labels: map[string]string{clusterv1.ClusterNameLabel: in.Cluster}, OwnerReferences: []metav1.OwnerReference{in.Owner}}, Type: clusterv1.ClusterSecretType, Data: data}
	if !renew.IsZero() {
		obj.Annotations = map[string]string{renewAnnotation: renew.UTC().Format(time.RFC3339)}
	}
	if in.Replaces == "" {
		err = s.host.Create(ctx, obj)
	} else {
		err = s.replace(ctx, obj)
	}
	s.note(in, obj, renew, err)
	if err != nil {
		return nil, workload.Failure(err)
	}
	return obj, nil
}

// replace keeps what else somebody wrote into the Secret's metadata.
func (s *Secrets) replace(ctx context.Context, obj *corev1.Secret) error {
	have := &corev1.Secret{}
	if err := s.host.Get(ctx, client.ObjectKeyFromObject(obj), have); err != nil {
		return err
	}
	for k, v := range obj.Labels {
		metav1.SetMetaDataLabel(&have.ObjectMeta, k, v)
	}
	for k, v := range obj.Annotations {
		metav1.SetMetaDataAnnotation(&have.ObjectMeta, k, v)
	}
	have.OwnerReferences = slices.Concat(obj.OwnerReferences, others(have.OwnerReferences))
	have.ResourceVersion, have.Data = obj.ResourceVersion, obj.Data
	if err := s.host.Update(ctx, have); err != nil {
		return err
	}
	*obj = *have
	return nil
}

// others are the owners that aren't the controller.
func others(refs []metav1.OwnerReference) []metav1.OwnerReference {
	var out []metav1.OwnerReference
	for _, ref := range refs {
		if ref.Controller == nil || !*ref.Controller {
			out = append(out, ref)
		}
	}
	return out
}

// content is what a Secret holds, and when that is to be renewed.
func (s *Secrets) content(ctx context.Context, session *cloud.Session, in *Write) (map[string][]byte, time.Time, error) {
	if in.Form == forUsers {
		value, err := clientcmd.Write(*withProgram(in.Target, in.Method, in.Region))
		return map[string][]byte{valueKey: value}, time.Time{}, err
	}
	token, err := s.token(ctx, session, in)
	if err != nil {
		return nil, time.Time{}, err
	}
	value, err := clientcmd.Write(*WithToken(in.Target, token.Value))
	if err != nil {
		return nil, time.Time{}, err
	}
	relative, err := clientcmd.Write(*withTokenFile(in.Target))
	if err != nil {
		return nil, time.Time{}, err
	}
	return map[string][]byte{valueKey: value, relativeKey: relative, tokenFileKey: []byte(token.Value)}, s.clock.Now().Add(token.Life / 2), nil
}

func (s *Secrets) token(ctx context.Context, session *cloud.Session, in *Write) (cloud.Token, error) {
	if in.Form == byToken {
		return s.clusters.AccessToken(ctx, session, in.Target)
	}
	return session.Token(ctx, in.Target.Name)
}

// note keeps how a Secret is now; nothing is known of what couldn't be written.
func (s *Secrets) note(in *Write, obj *corev1.Secret, renew time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cluster := client.ObjectKey{Namespace: in.Key.Namespace, Name: in.Cluster}
	if err != nil {
		delete(s.known, cluster)
		return
	}
	known := s.known[cluster]
	written, _ := (&Intent{Owner: in.Owner}).seen(obj)
	if in.Form == forUsers {
		known.state.Users = written
	} else {
		known.state.Core, known.renew = written, renew
	}
	s.known[cluster] = known
}
