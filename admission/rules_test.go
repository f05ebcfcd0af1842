package admission

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func testScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, controlplanev1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

func readerWith(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	return fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(objects...).Build()
}

var everyone = &infrav1.AllowedNamespaces{}

func only(namespaces ...string) *infrav1.AllowedNamespaces {
	return &infrav1.AllowedNamespaces{NamespaceList: namespaces}
}

func static(name string, allowed *infrav1.AllowedNamespaces) *infrav1.AWSClusterStaticIdentity {
	i := &infrav1.AWSClusterStaticIdentity{ObjectMeta: metav1.ObjectMeta{Name: name}}
	i.Spec.AllowedNamespaces, i.Spec.SecretRef = allowed, "keys"
	return i
}

func role(name string, allowed *infrav1.AllowedNamespaces, source *infrav1.AWSIdentityReference) *infrav1.AWSClusterRoleIdentity {
	i := &infrav1.AWSClusterRoleIdentity{ObjectMeta: metav1.ObjectMeta{Name: name}}
	i.Spec.AllowedNamespaces, i.Spec.SourceIdentityRef = allowed, source
	return i
}

func ref(kind infrav1.AWSIdentityKind, name string) *infrav1.AWSIdentityReference {
	return &infrav1.AWSIdentityReference{Kind: kind, Name: name}
}

func roleRef(name string) *infrav1.AWSIdentityReference {
	return ref(infrav1.ClusterRoleIdentityKind, name)
}

func staticRef(name string) *infrav1.AWSIdentityReference {
	return ref(infrav1.ClusterStaticIdentityKind, name)
}

func cluster(identity *infrav1.AWSIdentityReference, region string) *infrav1.AWSCluster {
	return &infrav1.AWSCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "one"},
		Spec:       infrav1.AWSClusterSpec{Region: region, IdentityRef: identity},
	}
}

func identityWorld() []client.Object {
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a", Labels: map[string]string{"team": "a"}}},
		static("open", everyone),
		static("closed", nil),
		static("listed", only("team-a", "team-b")),
		static("others", only("team-b")),
		static("labelled", &infrav1.AllowedNamespaces{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}}),
		static("otherlabel", &infrav1.AllowedNamespaces{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}}}),
		static("emptylist", &infrav1.AllowedNamespaces{NamespaceList: []string{}}),
		&infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: infrav1.AWSClusterControllerIdentitySpec{AWSClusterIdentitySpec: infrav1.AWSClusterIdentitySpec{AllowedNamespaces: everyone}}},
		role("good", everyone, staticRef("open")),
		role("twice", everyone, roleRef("good")),
		role("sourceless", everyone, nil),
		role("dangling", everyone, staticRef("gone")),
		role("on-closed", everyone, staticRef("closed")),
		role("ring-1", everyone, roleRef("ring-2")),
		role("ring-2", everyone, roleRef("ring-1")),
	}
}

func TestClustersUseOnlyIdentitiesThatLetThemIn(t *testing.T) {
	cases := map[string]struct {
		ref           *infrav1.AWSIdentityReference
		want, warning string // both empty: accepted without a word
	}{
		"none":                             {nil, "", ""},
		"the controller's own":             {ref(infrav1.ControllerIdentityKind, "default"), "", ""},
		"no controller identity there is":  {ref(infrav1.ControllerIdentityKind, "mine"), "", ""}, // the static warnings tell
		"missing role":                     {roleRef("foo"), "", `spec.identityRef.name: there is no AWSClusterRoleIdentity "foo" yet: nothing is made in AWS until there is, or until you choose one of: dangling, good, on-closed, ring-1, ring-2, ...`},
		"missing static":                   {staticRef("foo"), "", `or until you choose one of: labelled, listed, open`},
		"allows all":                       {staticRef("open"), "", ""},
		"allows none":                      {staticRef("closed"), `spec.identityRef: Forbidden: AWSClusterStaticIdentity "closed" may not be used in namespace team-a: add team-a to its spec.allowedNamespaces.list, or use another identity: labelled, listed, open`, ""},
		"namespace is listed":              {staticRef("listed"), "", ""},
		"namespace is not listed":          {staticRef("others"), "may not be used in namespace team-a", ""},
		"selector picks the namespace":     {staticRef("labelled"), "", ""},
		"selector picks another":           {staticRef("otherlabel"), "may not be used in namespace team-a", ""},
		"empty list and empty selector":    {staticRef("emptylist"), "may not be used in namespace team-a", ""},
		"role on a static identity":        {roleRef("good"), "", ""},
		"role on a role":                   {roleRef("twice"), "", ""},
		"role without a source":            {roleRef("sourceless"), "has no spec.sourceIdentityRef", ""},
		"role on nothing":                  {roleRef("dangling"), "", `built on AWSClusterStaticIdentity "gone", which does not exist yet`},
		"role whose source lets none in":   {roleRef("on-closed"), `AWSClusterStaticIdentity "closed" may not be used`, ""},
		"roles in a circle":                {roleRef("ring-1"), `leads in a circle: AWSClusterRoleIdentity "ring-1" -> AWSClusterRoleIdentity "ring-2" -> AWSClusterRoleIdentity "ring-1"`, ""},
		"unknown kind is judged elsewhere": {ref("Secret", "x"), "", ""},
	}
	reader := readerWith(t, identityWorld()...)
	rule := onClusters(identityRules{reader: reader, host: reader}.usable)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			warnings, errs := rule(t.Context(), Request{Operation: "CREATE", Namespace: "team-a", Object: cluster(c.ref, "")})
			expect(t, errs, c.want)
			if got := strings.Join(warnings, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
}

func expect(t *testing.T, errs field.ErrorList, want string) {
	t.Helper()
	if want == "" {
		if len(errs) > 0 {
			t.Errorf("refused: %v", errs.ToAggregate())
		}
		return
	}
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
		t.Errorf("got %v, want %q", errs, want)
	}
}

func TestTemplatesAreOnlyWarnedAbout(t *testing.T) {
	reader := readerWith(t, identityWorld()...)
	template := &infrav1.AWSClusterTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "t"}}
	template.Spec.Template.Spec.IdentityRef = roleRef("on-closed")
	rule := onTemplates(identityRules{reader: reader, host: reader}.usable)
	warnings, errs := rule(t.Context(), Request{Operation: "CREATE", Namespace: "team-a", Object: template})
	if len(errs) != 0 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "spec.template.spec.identityRef.name: Forbidden") {
		t.Errorf("warnings %q, errors %v", warnings, errs)
	}
}

func TestUpdatesAreJudgedOnlyForWhatTheyChange(t *testing.T) {
	reader := readerWith(t, static("closed", nil))
	rules := []Rule{
		onClusters(identityRules{reader: reader, host: reader}.usable),
		onClusters(regionRules{regions: fakeRegions{"us-east-1": "opt-in-not-required"}}.known),
	}
	judge := func(old, updated *infrav1.AWSCluster) int {
		n := 0
		for _, rule := range rules {
			_, errs := rule(t.Context(), Request{Operation: "UPDATE", Namespace: "team-a", Object: updated, Old: old})
			n += len(errs)
		}
		return n
	}
	labelled := cluster(roleRef("gone"), "mars-1")
	labelled.Labels, labelled.Spec.SSHKeyName = map[string]string{"a": "b"}, new(string)
	if n := judge(cluster(roleRef("gone"), "mars-1"), labelled); n != 0 {
		t.Errorf("%d errors for an update of something else", n)
	}
	if n := judge(cluster(roleRef("gone"), "us-east-1"), cluster(staticRef("closed"), "us-east-1")); n != 1 {
		t.Errorf("%d errors for a change to an identity that keeps the namespace out, want 1", n)
	}
	if n := judge(cluster(nil, ""), cluster(nil, "mars-1")); n != 1 {
		t.Errorf("%d errors for setting an unknown region, want 1", n)
	}
}

func TestUnreadableIdentityIsAnInternalError(t *testing.T) {
	broken := interceptor.NewClient(readerWith(t), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errors.New("etcd is away")
		},
	})
	_, errs := onClusters(identityRules{reader: broken, host: broken}.usable)(t.Context(), Request{Operation: "CREATE", Namespace: "team-a", Object: cluster(roleRef("x"), "")})
	if len(errs) != 1 || errs[0].Type != field.ErrorTypeInternal || !strings.Contains(errs[0].Detail, "etcd is away") {
		t.Errorf("got %v", errs)
	}
}

func TestRoleIdentitiesCannotBuildACircle(t *testing.T) {
	reader := readerWith(t, identityWorld()...)
	rule := identityRules{reader: reader, host: reader}.sourceEnds
	cases := map[string]struct {
		object, old   *infrav1.AWSClusterRoleIdentity
		want, warning string
	}{
		"on a static identity":  {role("new", everyone, staticRef("open")), nil, "", ""},
		"on a role":             {role("new", everyone, roleRef("twice")), nil, "", ""},
		"on a later one":        {role("new", everyone, roleRef("later")), nil, "", `"later" does not exist yet`},
		"on itself":             {role("new", everyone, roleRef("new")), nil, "leads in a circle", ""},
		"closing a circle":      {role("good", everyone, roleRef("twice")), role("good", everyone, staticRef("open")), "leads in a circle", ""},
		"into a circle":         {role("new", everyone, roleRef("ring-1")), nil, "leads in a circle", ""},
		"unchanged, old circle": {role("ring-1", nil, roleRef("ring-2")), role("ring-1", everyone, roleRef("ring-2")), "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := Request{Operation: "CREATE", Object: c.object}
			if c.old != nil {
				r.Operation, r.Old = "UPDATE", c.old
			}
			warnings, errs := rule(t.Context(), r)
			expect(t, errs, c.want)
			if got := strings.Join(warnings, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
}

type fakeRegions map[string]string

func (f fakeRegions) Known(context.Context, *infrav1.AWSIdentityReference, string) (map[string]string, bool) {
	return f, f != nil
}

func TestRegionsMustBeKnownToAWS(t *testing.T) {
	aws := fakeRegions{"us-east-1": "opt-in-not-required", "us-west-2": "opt-in-not-required", "eu-central-1": "opt-in-not-required", "ap-east-1": notOptedIn}
	cases := map[string]struct {
		region        string
		regions       Regions
		want, warning string
	}{
		"known":                            {"us-east-1", aws, "", ""},
		"none":                             {"", aws, "", ""},
		"a slip":                           {"us-eest-1", aws, `spec.region: Invalid value: "us-eest-1": AWS has no such region for this identity: did you mean us-east-1?`, ""},
		"letters swapped":                  {"eu-cnetral-1", aws, "did you mean eu-central-1?", ""},
		"something else":                   {"frankfurt", aws, "write one of: ap-east-1, eu-central-1, us-east-1, us-west-2", ""},
		"switched off":                     {"ap-east-1", aws, "", "aws account enable-region --region-name ap-east-1"},
		"AWS silent, form known":           {"eu-west-9", fakeRegions(nil), "", "could not be asked yet whether eu-west-9 exists"},
		"AWS silent, form known, China":    {"cn-north-1", fakeRegions(nil), "", "could not be asked yet whether"},
		"another partition than was asked": {"cn-north-1", aws, "", "could not be asked yet whether cn-north-1 exists"},
		"AWS silent, form unknown":         {"mars-north-1", fakeRegions(nil), "", "looks like no region"},
		"no way to ask AWS":                {"us-east-1", nil, "", "could not be asked yet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			warnings, errs := onClusters(regionRules{regions: c.regions}.known)(t.Context(), Request{Operation: "CREATE", Object: cluster(nil, c.region)})
			expect(t, errs, c.want)
			if got := strings.Join(warnings, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
}

func TestAnIdentityInUseIsNotDeleted(t *testing.T) {
	byDefault, byRole := cluster(nil, "us-east-1"), cluster(roleRef("twice"), "us-east-1")
	byDefault.Name, byRole.Name = "default", "by-role"
	// One that nobody lets use its identity, and that never had anything in AWS.
	refused := cluster(staticRef("others"), "us-east-1")
	refused.Name = "refused"
	refused.Status.Conditions = []metav1.Condition{{Type: infrav1.PrincipalUsageAllowedCondition, Status: metav1.ConditionFalse, Reason: "No"}}
	reader := readerWith(t, append(identityWorld(), byDefault, byRole, refused, role("idle", everyone, staticRef("listed")))...)
	controller := &infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	for name, x := range map[string]struct {
		deleted       client.Object
		want, warning string
	}{
		"unused":                         {static("others", nil), "", ""},
		"source of a role nobody uses":   {static("listed", nil), "", "still the source of AWSClusterRoleIdentity idle"},
		"the role itself":                {role("twice", everyone, roleRef("good")), `AWSClusterRoleIdentity "twice" is still used by AWSCluster team-a/by-role: `, ""},
		"source of the role":             {role("good", everyone, staticRef("open")), `"good" is still used by AWSCluster team-a/by-role`, ""},
		"source of the source":           {static("open", everyone), `"open" is still used by AWSCluster team-a/by-role`, ""},
		"the default where none is said": {controller, `"default" is still used by AWSCluster team-a/default`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, errs := deletionRules{reader: reader}.unused(t.Context(), Request{Operation: "DELETE", Old: x.deleted})
			expect(t, errs, x.want)
			if got := strings.Join(warnings, "\n"); (x.warning == "") != (got == "") || !strings.Contains(got, x.warning) {
				t.Errorf("warnings %q, want %q", got, x.warning)
			}
		})
	}
	broken := interceptor.NewClient(readerWith(t), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("etcd is away")
		},
	})
	_, errs := deletionRules{reader: broken}.unused(t.Context(), Request{Operation: "DELETE", Old: static("open", nil)})
	if len(errs) != 1 || errs[0].Type != field.ErrorTypeInternal {
		t.Errorf("unreadable: errors %v", errs)
	}
}
