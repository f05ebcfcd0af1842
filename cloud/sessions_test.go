package cloud

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var everybody = infrav1.AWSClusterIdentitySpec{AllowedNamespaces: &infrav1.AllowedNamespaces{}}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func controller(allowed *infrav1.AllowedNamespaces) *infrav1.AWSClusterControllerIdentity {
	return &infrav1.AWSClusterControllerIdentity{ObjectMeta: named("default"),
		Spec: infrav1.AWSClusterControllerIdentitySpec{AWSClusterIdentitySpec: infrav1.AWSClusterIdentitySpec{AllowedNamespaces: allowed}}}
}

func static(name string) *infrav1.AWSClusterStaticIdentity {
	return &infrav1.AWSClusterStaticIdentity{ObjectMeta: named(name),
		Spec: infrav1.AWSClusterStaticIdentitySpec{AWSClusterIdentitySpec: everybody, SecretRef: name}}
}

// role gives a role identity of the account, assumed by the source.
func role(name, account string, source *infrav1.AWSIdentityReference) *infrav1.AWSClusterRoleIdentity {
	return &infrav1.AWSClusterRoleIdentity{ObjectMeta: named(name), Spec: infrav1.AWSClusterRoleIdentitySpec{
		AWSClusterIdentitySpec: everybody,
		AWSRoleSpec:            infrav1.AWSRoleSpec{RoleArn: "arn:aws:iam::" + account + ":role/" + name},
		SourceIdentityRef:      source,
	}}
}

func keys(name, id string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: name},
		Data: map[string][]byte{"AccessKeyID": []byte(id), "SecretAccessKey": []byte("secret"), "SessionToken": []byte("token")}}
}

func refTo(kind infrav1.AWSIdentityKind, name string) *infrav1.AWSIdentityReference {
	return &infrav1.AWSIdentityReference{Kind: kind, Name: name}
}

func defaultRef() *infrav1.AWSIdentityReference {
	return refTo(infrav1.ControllerIdentityKind, "default")
}

// sessionsOf gives Sessions against the stand-in, with the objects in the host.
func sessionsOf(t *testing.T, aws *standIn, objects ...client.Object) (*Sessions, client.Client, *clocktesting.FakeClock) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	host := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	clock := clocktesting.NewFakeClock(time.Now())
	return NewSessions(Options{
		Identities: host, Host: host, ControllerNamespace: "capa-system", LoadConfig: aws.config, Clock: clock,
	}), host, clock
}

// session is of an identity, for a namespace; without one it is the process's own.
func session(t *testing.T, s *Sessions, ref *infrav1.AWSIdentityReference, region string) *Session {
	t.Helper()
	site := Site{Identity: ref, Region: region}
	if ref != nil {
		site.Namespace = "team-a"
	}
	session, err := s.For(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// signer tells with which access key the session signs.
func signer(t *testing.T, aws *standIn, s *Session) string {
	t.Helper()
	if _, err := s.EC2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil {
		t.Fatal(err)
	}
	calls := aws.calls("DescribeVpcs")
	return calls[len(calls)-1].key
}

func TestIdentitiesGiveTheirOwnCredentials(t *testing.T) {
	stand := newStandIn(t)
	s, _, _ := sessionsOf(t, stand, controller(&infrav1.AllowedNamespaces{}), static("st"), keys("st", "AK111111111111"),
		role("one", "222222222222", defaultRef()),
		role("two", "333333333333", refTo(infrav1.ClusterRoleIdentityKind, "one")),
		role("three", "444444444444", refTo(infrav1.ClusterStaticIdentityKind, "st")))
	for _, c := range []struct {
		ref           *infrav1.AWSIdentityReference
		account, name string
	}{
		{nil, "000000000000", "controller"},
		{defaultRef(), "000000000000", "AWSClusterControllerIdentity/default"},
		{refTo(infrav1.ClusterStaticIdentityKind, "st"), "111111111111", "AWSClusterStaticIdentity/st"},
		{refTo(infrav1.ClusterRoleIdentityKind, "one"), "222222222222", "AWSClusterRoleIdentity/one"},
		{refTo(infrav1.ClusterRoleIdentityKind, "two"), "333333333333", "AWSClusterRoleIdentity/two"},
		{refTo(infrav1.ClusterRoleIdentityKind, "three"), "444444444444", "AWSClusterRoleIdentity/three"},
	} {
		got := session(t, s, c.ref, "us-east-1")
		if want := (Scope{c.account, "us-east-1"}); got.Scope != want || got.Identity != c.name || got.Partition != "aws" {
			t.Errorf("%s: scope %v, identity %s, partition %s", c.name, got.Scope, got.Identity, got.Partition)
		}
		if key := signer(t, stand, got); key != "AK"+c.account {
			t.Errorf("%s signs with %s", c.name, key)
		}
	}
	var assumers []string
	for _, call := range stand.calls("AssumeRole") {
		assumers = append(assumers, call.key+" -> "+call.Get("RoleArn"))
	}
	slices.Sort(assumers)
	want := []string{
		"AK000000000000 -> arn:aws:iam::222222222222:role/one",
		"AK000000000000 -> arn:aws:iam::222222222222:role/one", // as the source of two
		"AK111111111111 -> arn:aws:iam::444444444444:role/three",
		"AK222222222222 -> arn:aws:iam::333333333333:role/two",
	}
	if !slices.Equal(assumers, want) {
		t.Errorf("roles assumed: %q, want %q", assumers, want)
	}
}

// TestWhoNamesNoIdentityIsCheckedLikeTheDefault has namespaces that the default identity allows, and others.
func TestWhoNamesNoIdentityIsCheckedLikeTheDefault(t *testing.T) {
	for name, c := range map[string]struct {
		identity  *infrav1.AllowedNamespaces
		none      bool
		namespace string
		allowed   bool
	}{
		"every namespace is allowed":    {identity: &infrav1.AllowedNamespaces{}, namespace: "team-a", allowed: true},
		"another namespace is allowed":  {identity: &infrav1.AllowedNamespaces{NamespaceList: []string{"team-b"}}, namespace: "team-a"},
		"no namespace is allowed":       {namespace: "team-a"},
		"there is no identity":          {none: true, namespace: "team-a"},
		"the process, in no namespace":  {allowed: true},
		"the process, without identity": {none: true, allowed: true},
	} {
		t.Run(name, func(t *testing.T) {
			stand := newStandIn(t)
			objects := []client.Object{controller(c.identity)}
			if c.none {
				objects = nil
			}
			s, _, _ := sessionsOf(t, stand, objects...)
			_, err := s.For(t.Context(), Site{Namespace: c.namespace, Region: "us-east-1"})
			var refused *IdentityError
			if c.allowed != (err == nil) || err != nil && !errors.As(err, &refused) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRoleIsAssumedAsItsIdentitySays(t *testing.T) {
	stand := newStandIn(t)
	r := role("r", "222222222222", defaultRef())
	r.Spec.ExternalID, r.Spec.SessionName, r.Spec.DurationSeconds = "ext", "me", 1800
	r.Spec.InlinePolicy, r.Spec.PolicyARNs = `{"Version":"2012-10-17"}`, []string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}
	s, _, _ := sessionsOf(t, stand, controller(&infrav1.AllowedNamespaces{}), r, role("plain", "333333333333", defaultRef()))
	session(t, s, refTo(infrav1.ClusterRoleIdentityKind, "r"), "us-east-1")
	session(t, s, refTo(infrav1.ClusterRoleIdentityKind, "plain"), "us-east-1")
	calls := stand.calls("AssumeRole")
	for name, want := range map[string]string{
		"ExternalId": "ext", "RoleSessionName": "me", "DurationSeconds": "1800", "Policy": `{"Version":"2012-10-17"}`,
		"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/A", "PolicyArns.member.2.arn": "arn:aws:iam::aws:policy/B",
	} {
		if got := calls[0].Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if plain := calls[1]; plain.Get("RoleSessionName") != "capa-apiserver" || plain.Has("ExternalId") || plain.Has("Policy") {
		t.Errorf("a plain role is assumed with %v", plain.Values)
	}
}

func TestIdentitiesThatGiveNoSession(t *testing.T) {
	nobody := role("nobody", "222222222222", defaultRef())
	nobody.Spec.AllowedNamespaces = nil
	objects := []client.Object{
		controller(&infrav1.AllowedNamespaces{NamespaceList: []string{"team-b"}}),
		nobody,
		role("forbidden-source", "222222222222", defaultRef()),
		role("loop-a", "222222222222", refTo(infrav1.ClusterRoleIdentityKind, "loop-b")),
		role("loop-b", "222222222222", refTo(infrav1.ClusterRoleIdentityKind, "loop-a")),
		role("no-source", "222222222222", nil),
		role("refused", "999999999999", refTo(infrav1.ClusterStaticIdentityKind, "good")),
		static("good"), keys("good", "AK111111111111"),
		static("no-secret"), static("empty-secret"), keys("empty-secret", ""),
		static("bad-keys"), keys("bad-keys", "AKbad"),
	}
	for _, c := range []struct {
		kind         infrav1.AWSIdentityKind
		name, reason string
		says         string
	}{
		{infrav1.ControllerIdentityKind, "default", PrincipalUsageUnauthorizedReason, "spec.allowedNamespaces"},
		{infrav1.ControllerIdentityKind, "other", CredentialProviderBuildFailedReason, `must be "default"`},
		{infrav1.ClusterRoleIdentityKind, "nobody", PrincipalUsageUnauthorizedReason, "namespace team-a may not use it"},
		{infrav1.ClusterRoleIdentityKind, "forbidden-source", SourcePrincipalUsageUnauthorizedReason, "AWSClusterControllerIdentity/default"},
		{infrav1.ClusterRoleIdentityKind, "loop-a", CredentialProviderBuildFailedReason, "circle"},
		{infrav1.ClusterRoleIdentityKind, "no-source", CredentialProviderBuildFailedReason, "spec.sourceIdentityRef"},
		{infrav1.ClusterRoleIdentityKind, "missing", CredentialProviderBuildFailedReason, "it doesn't exist: create it"},
		{infrav1.ClusterRoleIdentityKind, "refused", PrincipalCredentialRetrievalFailedReason, "AccessDenied"},
		{infrav1.ClusterStaticIdentityKind, "no-secret", CredentialProviderBuildFailedReason, "capa-system/no-secret"},
		{infrav1.ClusterStaticIdentityKind, "empty-secret", CredentialProviderBuildFailedReason, "AccessKeyID"},
		{infrav1.ClusterStaticIdentityKind, "bad-keys", PrincipalCredentialRetrievalFailedReason, "InvalidClientTokenId"},
		{"AWSMachine", "x", CredentialProviderBuildFailedReason, "AWSClusterRoleIdentity"},
	} {
		t.Run(string(c.kind)+"/"+c.name, func(t *testing.T) {
			stand := newStandIn(t)
			stand.answer = func(w http.ResponseWriter, r request, _ int) bool {
				switch {
				case r.key == "AKbad":
					fail(w, 403, "InvalidClientTokenId")
				case strings.Contains(r.Get("RoleArn"), "999999999999"):
					fail(w, 403, "AccessDenied")
				default:
					return false
				}
				return true
			}
			s, _, _ := sessionsOf(t, stand, objects...)
			_, err := s.For(t.Context(), Site{Identity: refTo(c.kind, c.name), Namespace: "team-a", Region: "us-east-1"})
			failure, ok := AsIdentityError(err)
			if !ok || failure.Reason != c.reason || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v (%+v), want reason %s and %q in it", err, failure, c.reason, c.says)
			}
			want := PrincipalCredentialRetrievedCondition
			if strings.HasSuffix(c.reason, "UsageUnauthorized") {
				want = PrincipalUsageAllowedCondition
			}
			if failure.Condition() != want {
				t.Errorf("condition %s, want %s", failure.Condition(), want)
			}
		})
	}
}

func TestSessionIsMadeOncePerIdentityAndRegion(t *testing.T) {
	stand := newStandIn(t)
	s, _, _ := sessionsOf(t, stand, controller(&infrav1.AllowedNamespaces{}), role("r", "222222222222", defaultRef()))
	ref := refTo(infrav1.ClusterRoleIdentityKind, "r")
	first := session(t, s, ref, "us-east-1")
	for range 10 {
		if session(t, s, ref, "us-east-1") != first {
			t.Fatal("the same identity gives another session")
		}
	}
	other := session(t, s, ref, "eu-west-1")
	if other == first || other.Scope.Region != "eu-west-1" {
		t.Errorf("another region gives %v", other.Scope)
	}
	if n, m := len(stand.calls("GetCallerIdentity")), len(stand.calls("AssumeRole")); n != 1 || m != 1 {
		t.Errorf("%d GetCallerIdentity and %d AssumeRole calls, want one of each", n, m)
	}
}

func TestManyClustersAtOnceShareOneLogin(t *testing.T) {
	stand := newStandIn(t)
	s, _, _ := sessionsOf(t, stand, controller(&infrav1.AllowedNamespaces{}), role("r", "222222222222", defaultRef()))
	results := make(chan error)
	for range 20 {
		go func() {
			_, err := s.For(context.Background(), Site{Identity: refTo(infrav1.ClusterRoleIdentityKind, "r"), Namespace: "team-a", Region: "us-east-1"})
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := len(stand.calls("AssumeRole")); n != 1 {
		t.Errorf("%d AssumeRole calls for 20 clusters, want 1", n)
	}
}

func TestChangedSecretOrIdentityGivesAnotherSession(t *testing.T) {
	stand := newStandIn(t)
	s, host, _ := sessionsOf(t, stand, static("st"), keys("st", "AK111111111111"),
		role("r", "222222222222", refTo(infrav1.ClusterStaticIdentityKind, "st")))
	ref := refTo(infrav1.ClusterRoleIdentityKind, "r")
	first := session(t, s, ref, "us-east-1")

	var secret corev1.Secret
	update(t, host, client.ObjectKey{Namespace: "capa-system", Name: "st"}, &secret, func() {
		secret.Data["AccessKeyID"] = []byte("AK555555555555")
	})
	second := session(t, s, ref, "us-east-1")
	if calls := stand.calls("AssumeRole"); second == first || calls[len(calls)-1].key != "AK555555555555" {
		t.Error("the role is still assumed with the old keys of its source's Secret")
	}

	var identity infrav1.AWSClusterRoleIdentity
	update(t, host, client.ObjectKey{Name: "r"}, &identity, func() { identity.Spec.RoleArn = "arn:aws:iam::666666666666:role/r" })
	if third := session(t, s, ref, "us-east-1"); third.Scope.Account != "666666666666" {
		t.Errorf("the session is still of account %s", third.Scope.Account)
	}

	update(t, host, client.ObjectKey{Name: "r"}, &identity, func() { identity.Spec.AllowedNamespaces = nil })
	if _, err := s.For(t.Context(), Site{Identity: ref, Namespace: "team-a", Region: "us-east-1"}); err == nil {
		t.Error("a namespace that is no longer allowed still gets the session")
	}
}

func update(t *testing.T, c client.Client, key client.ObjectKey, object client.Object, change func()) {
	t.Helper()
	if err := c.Get(t.Context(), key, object); err != nil {
		t.Fatal(err)
	}
	change()
	if err := c.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenIdentityIsNotAskedForByEachCluster(t *testing.T) {
	stand := newStandIn(t)
	stand.answer = func(w http.ResponseWriter, _ request, _ int) bool {
		fail(w, 403, "InvalidClientTokenId")
		return true
	}
	s, _, clock := sessionsOf(t, stand)
	try := func() {
		t.Helper()
		if _, err := s.For(t.Context(), Site{Region: "us-east-1"}); err == nil {
			t.Fatal("bad credentials give a session")
		}
	}
	for range 20 {
		try()
	}
	if n := len(stand.calls("GetCallerIdentity")); n != 1 {
		t.Errorf("%d calls for 20 tries at once, want 1", n)
	}
	clock.Step(failureHold)
	stand.answer = nil
	session(t, s, nil, "us-east-1")
}

func TestPartitionIsTheCallersOwn(t *testing.T) {
	s, _, _ := sessionsOf(t, newStandIn(t))
	if got := session(t, s, nil, "cn-north-1").Partition; got != "aws-cn" {
		t.Errorf("partition %s, want aws-cn", got)
	}
}

func TestUnusedSessionsAreForgotten(t *testing.T) {
	s, _, clock := sessionsOf(t, newStandIn(t), static("st"), keys("st", "AK111111111111"))
	session(t, s, refTo(infrav1.ClusterStaticIdentityKind, "st"), "us-east-1")
	clock.Step(idleTime + time.Second)
	session(t, s, nil, "us-east-1")
	if len(s.sessions) != 1 || len(s.logins) != 1 {
		t.Errorf("%d sessions and %d logins are kept, want one of each", len(s.sessions), len(s.logins))
	}
}

func TestStandardEndpointVariablesWork(t *testing.T) {
	stand := newStandIn(t)
	t.Setenv("AWS_ENDPOINT_URL", stand.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AK777777777777")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	got := session(t, NewSessions(Options{}), nil, "us-west-2")
	if got.Scope != (Scope{"777777777777", "us-west-2"}) || signer(t, stand, got) != "AK777777777777" {
		t.Errorf("scope %v", got.Scope)
	}
}

func TestAllowedNamespaces(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	host := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "prod", Labels: map[string]string{"env": "prod"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "dev"}},
	).Build()
	prod := metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}
	for _, c := range []struct {
		name      string
		allowed   *infrav1.AllowedNamespaces
		namespace string
		want      bool
	}{
		{"nil allows none", nil, "dev", false},
		{"the empty object allows all", &infrav1.AllowedNamespaces{}, "dev", true},
		{"listed", &infrav1.AllowedNamespaces{NamespaceList: []string{"x", "dev"}}, "dev", true},
		{"not listed, empty selector", &infrav1.AllowedNamespaces{NamespaceList: []string{"x"}}, "dev", false},
		{"an empty list allows none", &infrav1.AllowedNamespaces{NamespaceList: []string{}}, "dev", false},
		{"an empty matchLabels allows none", &infrav1.AllowedNamespaces{Selector: metav1.LabelSelector{MatchLabels: map[string]string{}}}, "dev", false},
		{"selected", &infrav1.AllowedNamespaces{Selector: prod}, "prod", true},
		{"not selected", &infrav1.AllowedNamespaces{Selector: prod}, "dev", false},
		{"listed or selected: listed", &infrav1.AllowedNamespaces{NamespaceList: []string{"dev"}, Selector: prod}, "dev", true},
		{"listed or selected: selected", &infrav1.AllowedNamespaces{NamespaceList: []string{"dev"}, Selector: prod}, "prod", true},
		{"objects without a namespace", nil, "", true},
	} {
		got, err := NamespaceAllowed(t.Context(), host, c.allowed, c.namespace)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if _, err := NamespaceAllowed(t.Context(), host, &infrav1.AllowedNamespaces{Selector: prod}, "gone"); err == nil {
		t.Error("a namespace that can't be read is judged all the same")
	}
	bad := &infrav1.AllowedNamespaces{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"!": "x"}}}
	if _, err := NamespaceAllowed(t.Context(), host, bad, "dev"); err == nil || !strings.Contains(err.Error(), "spec.allowedNamespaces.selector") {
		t.Errorf("a selector that doesn't parse gives %v", err)
	}
}
