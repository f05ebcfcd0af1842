package workload

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/eks"
)

// masters is the group that may do everything.
const masters = "system:masters"

// user is who a request is from.
type user struct {
	name   string
	groups []string
}

// gate lets into a control plane whom AWS, the cluster's ConfigMap aws-auth or a service account's token says.
type gate struct {
	cloud   *cloud
	objects inmemory.Client

	mu    sync.Mutex
	plane eks.ControlPlane
	// tokens are those of service accounts.
	tokens map[string]accountToken
}

type accountToken struct {
	namespace, name string
	expires         time.Time
}

func newGate(cloud *cloud) *gate {
	return &gate{cloud: cloud, tokens: map[string]accountToken{}}
}

func (g *gate) use(plane eks.ControlPlane) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.plane = plane
}

var (
	tokenPath    = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/serviceaccounts/([^/]+)/token$`)
	evictionPath = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/pods/([^/]+)/eviction$`)
)

// guard answers 401 and 403 itself, and what the in-memory API server doesn't know.
func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := g.authenticate(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		switch path, eviction := tokenPath.FindStringSubmatch(r.URL.Path), evictionPath.FindStringSubmatch(r.URL.Path); {
		case !ok:
			refuse(w, apierrors.NewUnauthorized("Unauthorized"))
		case !g.allowed(r.Context(), who):
			refuse(w, apierrors.NewForbidden(schema.GroupResource{}, r.URL.Path, errNoRights{who.name}))
		case path != nil && r.Method == http.MethodPost:
			g.issue(w, r, path[1], path[2])
		case eviction != nil && r.Method == http.MethodPost:
			g.evict(w, r, eviction[1], eviction[2])
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g *gate) evict(w http.ResponseWriter, r *http.Request, namespace, name string) {
	err := pods{g.objects}.evict(r.Context(), namespace, name)
	if err == nil {
		reply(w, http.StatusCreated, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess})
		return
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		status = apierrors.NewInternalError(err)
	}
	refuse(w, status)
}

type errNoRights struct{ user string }

func (e errNoRights) Error() string { return "User \"" + e.user + "\" cannot do that" }

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	reply(w, int(err.ErrStatus.Code), err.ErrStatus)
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that went away needs no answer
}

func (g *gate) authenticate(ctx context.Context, token string) (user, bool) {
	g.mu.Lock()
	plane := g.plane
	account, ofAccount := g.tokens[token]
	g.mu.Unlock()
	switch {
	case token == "":
		return user{}, false
	case ofAccount:
		return user{"system:serviceaccount:" + account.namespace + ":" + account.name, []string{"system:serviceaccounts"}}, time.Now().Before(account.expires)
	}
	who, err := ask[emulator.Identity](ctx, g.cloud, "identify", url.Values{"token": {token}, "cluster": {plane.Name}})
	if err != nil {
		return user{}, false
	}
	return g.mapped(ctx, plane.Access, withoutPath(who.Principal))
}

// mapped is the user that a principal is in the cluster.
func (g *gate) mapped(ctx context.Context, access eks.Access, who string) (user, bool) {
	if access.Creator != "" && who == withoutPath(access.Creator) {
		return user{"kubernetes-admin", []string{masters}}, true
	}
	for _, e := range access.Entries {
		if withoutPath(e.Principal) != who {
			continue
		}
		groups := slices.Clone(e.Groups)
		for _, p := range e.Policies {
			if len(p.Namespaces) == 0 && (p.Name == "AmazonEKSClusterAdminPolicy" || p.Name == "AmazonEKSAdminPolicy") {
				groups = append(groups, masters)
			}
		}
		return user{e.Username, groups}, true
	}
	if access.Mode != types.AuthenticationModeApi {
		return g.byConfigMap(ctx, who)
	}
	return user{}, false
}

// withoutPath is the ARN of a role as EKS compares it.
func withoutPath(arn string) string {
	before, rest, ok := strings.Cut(arn, ":role/")
	if !ok {
		return arn
	}
	return before + ":role/" + rest[strings.LastIndex(rest, "/")+1:]
}

// byConfigMap looks a principal up in the cluster's ConfigMap aws-auth.
func (g *gate) byConfigMap(ctx context.Context, who string) (user, bool) {
	m := &corev1.ConfigMap{}
	if err := g.objects.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "aws-auth"}, m); err != nil {
		return user{}, false
	}
	var lines []struct {
		RoleARN  string   `json:"rolearn"`
		UserARN  string   `json:"userarn"`
		Username string   `json:"username"`
		Groups   []string `json:"groups"`
	}
	for _, key := range []string{"mapRoles", "mapUsers"} {
		lines = nil
		if yaml.Unmarshal([]byte(m.Data[key]), &lines) != nil {
			continue
		}
		for _, line := range lines {
			if line.RoleARN == who || line.UserARN == who {
				return user{line.Username, line.Groups}, true
			}
		}
	}
	return user{}, false
}

// allowed knows two kinds of users: those who may do everything, and others, who may nothing.
func (g *gate) allowed(ctx context.Context, who user) bool {
	if slices.Contains(who.groups, masters) {
		return true
	}
	bindings := &rbacv1.ClusterRoleBindingList{}
	if err := g.objects.List(ctx, bindings); err != nil {
		return false
	}
	for _, b := range bindings.Items {
		for _, s := range b.Subjects {
			account := s.Kind == rbacv1.ServiceAccountKind && who.name == "system:serviceaccount:"+s.Namespace+":"+s.Name
			if b.RoleRef.Name == "cluster-admin" && (account || s.Kind == rbacv1.UserKind && s.Name == who.name || s.Kind == rbacv1.GroupKind && slices.Contains(who.groups, s.Name)) {
				return true
			}
		}
	}
	return false
}

// longestToken is the longest life of a service account's token that EKS gives.
const longestToken = 24 * time.Hour

// issue answers a TokenRequest.
func (g *gate) issue(w http.ResponseWriter, r *http.Request, namespace, name string) {
	request := &authenticationv1.TokenRequest{}
	if err := decode(r, request); err != nil {
		refuse(w, apierrors.NewBadRequest(err.Error()))
		return
	}
	if err := g.objects.Get(r.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &corev1.ServiceAccount{}); err != nil {
		refuse(w, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name))
		return
	}
	life := time.Hour
	if seconds := request.Spec.ExpirationSeconds; seconds != nil {
		life = min(time.Duration(*seconds)*time.Second, longestToken)
	}
	token := accountToken{namespace, name, time.Now().Add(life)}
	request.TypeMeta = metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"}
	request.Status = authenticationv1.TokenRequestStatus{Token: "account." + rand.Text(), ExpirationTimestamp: metav1.NewTime(token.expires)}
	g.mu.Lock()
	g.tokens[request.Status.Token] = token
	g.mu.Unlock()
	reply(w, http.StatusCreated, request)
}
