package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/retry"
)

var clusterResource = schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: theirs, Resource: "clusters"}

// clusters are the Clusters that have something of CAPA's.
func (t *taker) clusters(ctx context.Context) ([]unstructured.Unstructured, error) {
	list, err := t.dynamic.Resource(clusterResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Clusters: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(c unstructured.Unstructured) bool {
		for _, ref := range []string{"infrastructureRef", "controlPlaneRef"} {
			kind, _, _ := unstructured.NestedString(c.Object, "spec", ref, "kind")
			groupName, _, _ := unstructured.NestedString(c.Object, "spec", ref, "apiGroup")
			if known(groupName, kind) {
				return false
			}
		}
		return true
	}), nil
}

// pause pauses the Clusters, and remembers which were not.
func (t *taker) pause(ctx context.Context) error {
	unpaused, err := t.unpaused(ctx)
	if err != nil {
		return err
	}
	unpaused = slices.DeleteFunc(unpaused, func(full string) bool { return slices.Contains(t.state.Paused, full) })
	if !t.state.PausedKnown || len(unpaused) > 0 {
		all := append(slices.Clone(t.state.Paused), unpaused...)
		if err := t.note(ctx, "which Clusters weren't paused", func(s *state) { s.Paused, s.PausedKnown = all, true }); err != nil {
			return err
		}
	}
	return t.setPaused(ctx, true)
}

// pauseLate pauses Clusters that were made, or unpaused, until CAPA's objects could be changed no more.
func (t *taker) pauseLate(ctx context.Context) error {
	unpaused, err := t.unpaused(ctx)
	if err != nil || len(unpaused) == 0 {
		return err
	}
	return t.pause(ctx)
}

// unpaused are the Clusters that aren't paused, as namespace/name.
func (t *taker) unpaused(ctx context.Context) ([]string, error) {
	clusters, err := t.clusters(ctx)
	var all []string
	for i := range clusters {
		if paused, _, _ := unstructured.NestedBool(clusters[i].Object, "spec", "paused"); !paused {
			all = append(all, key(&clusters[i]).String())
		}
	}
	return all, err
}

func (t *taker) setPaused(ctx context.Context, paused bool) error {
	var refused error
	for _, full := range t.state.Paused {
		namespace, cluster, _ := strings.Cut(full, "/")
		patch := fmt.Sprintf(`{"spec": {"paused": %t}}`, paused)
		err := t.write(fmt.Sprintf("set paused of Cluster %s to %t", full, paused), func() error {
			_, err := t.dynamic.Resource(clusterResource).Namespace(namespace).Patch(ctx, cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			return ignoreNotFound(err)
		})
		if apierrors.ReasonForError(err) == metav1.StatusReasonUnknown && err != nil {
			return err
		}
		refused = errors.Join(refused, err) // one Cluster holds the others up for nobody
	}
	return refused
}

func (t *taker) unpause(ctx context.Context) error { return t.setPaused(ctx, false) }

// deployments are CAPA's, and those that only say so: anybody may label a Deployment.
func (t *taker) deployments(ctx context.Context) (own, others []appsv1.Deployment, err error) {
	list, err := t.kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{LabelSelector: providerLabel + "=" + provider})
	if err != nil {
		return nil, nil, err
	}
	namespaces, err := t.namespaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range list.Items {
		switch {
		case !namespaces.Has(d.Namespace):
			others = append(others, d)
		case !strings.HasPrefix(d.Name, server):
			own = append(own, d)
		}
	}
	return own, others, nil
}

// namespaces are those that CAPA may run in: the server's, and where its CRDs have objects
// converted, which only administrators say.
func (t *taker) namespaces(ctx context.Context) (sets.Set[string], error) {
	kinds, others, err := t.kinds(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		others = append(others, k.crd)
	}
	all := sets.New(t.Namespace)
	for _, crd := range others {
		if c := crd.Spec.Conversion; c != nil && c.Webhook != nil && c.Webhook.ClientConfig != nil && c.Webhook.ClientConfig.Service != nil {
			all.Insert(c.Webhook.ClientConfig.Service.Namespace)
		}
	}
	return all, nil
}

// stop ends CAPA, and remembers how many there were.
func (t *taker) stop(ctx context.Context) error {
	deployments, _, err := t.deployments(ctx)
	if err != nil {
		return err
	}
	if t.state.Replicas == nil {
		replicas := map[string]int32{}
		for _, d := range deployments {
			replicas[d.Namespace+"/"+d.Name] = 1
			if d.Spec.Replicas != nil {
				replicas[d.Namespace+"/"+d.Name] = *d.Spec.Replicas
			}
		}
		if err := t.note(ctx, "how many replicas there were", func(s *state) { s.Replicas = replicas }); err != nil {
			return err
		}
	}
	for _, d := range deployments {
		if d.Spec.Replicas != nil && *d.Spec.Replicas == 0 {
			continue
		}
		if err := t.scale(ctx, d.Namespace, d.Name, 0); err != nil {
			return err
		}
	}
	return t.wait(ctx, "CAPA's pods end", func(ctx context.Context) error {
		for _, d := range deployments {
			selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
			if err != nil {
				return err
			}
			pods, err := t.kube.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
			if err != nil {
				return err
			}
			if len(pods.Items) > 0 {
				return fmt.Errorf("%s/%s is still there", pods.Items[0].Namespace, pods.Items[0].Name)
			}
		}
		return nil
	})
}

func (t *taker) scale(ctx context.Context, namespace, deployment string, replicas int32) error {
	return t.write(fmt.Sprintf("scale Deployment %s/%s to %d", namespace, deployment, replicas), func() error {
		_, err := t.kube.AppsV1().Deployments(namespace).Patch(ctx, deployment, types.MergePatchType,
			fmt.Appendf(nil, `{"spec": {"replicas": %d}}`, replicas), metav1.PatchOptions{})
		return ignoreNotFound(err)
	})
}

// start lets CAPA run as before. The state is a ConfigMap: who may write it may not scale what
// isn't CAPA's.
func (t *taker) start(ctx context.Context) error {
	deployments, _, err := t.deployments(ctx)
	if err != nil {
		return err
	}
	for full, replicas := range t.state.Replicas {
		namespace, deployment, _ := strings.Cut(full, "/")
		if !slices.ContainsFunc(deployments, func(d appsv1.Deployment) bool { return d.Namespace == namespace && d.Name == deployment }) {
			t.say("note: the ConfigMap %s names Deployment %s, which isn't there or isn't CAPA's: it isn't scaled", name, full)
			continue
		}
		if err := t.scale(ctx, namespace, deployment, replicas); err != nil {
			return err
		}
	}
	return nil
}

const mutatingWebhooks, validatingWebhooks = "mutatingwebhookconfigurations", "validatingwebhookconfigurations"

var webhookResources = []string{mutatingWebhooks, validatingWebhooks}

func webhookResource(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: resource}
}

// putWebhooksAway keeps CAPA's webhook configurations in the state and deletes them: nobody answers
// them any more, and the server asks the host's webhooks too.
func (t *taker) putWebhooksAway(ctx context.Context) error {
	return t.deleteWebhooks(ctx, webhookResources...)
}

// deleteWebhooks keeps all of CAPA's webhook configurations and deletes those of some resources.
func (t *taker) deleteWebhooks(ctx context.Context, resources ...string) error {
	all, err := t.webhooks(ctx)
	if err != nil {
		return err
	}
	if t.state.Webhooks == nil {
		if err := t.note(ctx, "CAPA's webhooks", func(s *state) { s.Webhooks = all }); err != nil {
			return err
		}
	}
	for _, full := range slices.Sorted(maps.Keys(all)) {
		resource, webhook, _ := strings.Cut(full, "/")
		if !slices.Contains(resources, resource) {
			continue
		}
		err := t.write("delete "+full, func() error {
			return ignoreNotFound(t.dynamic.Resource(webhookResource(resource)).Delete(ctx, webhook, metav1.DeleteOptions{}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// webhooks are CAPA's webhook configurations as they are to be made again, by resource and name.
func (t *taker) webhooks(ctx context.Context) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, resource := range webhookResources {
		list, err := t.dynamic.Resource(webhookResource(resource)).List(ctx, metav1.ListOptions{LabelSelector: providerLabel + "=" + provider})
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			for _, field := range []string{"managedFields", "resourceVersion", "uid"} {
				unstructured.RemoveNestedField(item.Object, "metadata", field)
			}
			text, err := item.MarshalJSON()
			if err != nil {
				return nil, err
			}
			all[resource+"/"+item.GetName()] = text
		}
	}
	return all, nil
}

func (t *taker) putWebhooksBack(ctx context.Context) error {
	namespaces, err := t.namespaces(ctx)
	if err != nil {
		return err
	}
	for full, text := range t.state.Webhooks {
		resource, _, _ := strings.Cut(full, "/")
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(text); err != nil {
			return err
		}
		if !slices.Contains(webhookResources, resource) || !webhooksOf(o, namespaces) {
			t.say("note: the ConfigMap %s has %s, which isn't CAPA's: it isn't made", name, full)
			continue
		}
		err := t.write("create "+full, func() error {
			_, err := t.dynamic.Resource(webhookResource(resource)).Create(ctx, o, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// webhooksOf tells whether all webhooks of a configuration are asked about CAPA's groups only, and
// answered in these namespaces. The state is a ConfigMap: who may write it may not make others.
func webhooksOf(o *unstructured.Unstructured, namespaces sets.Set[string]) bool {
	var configuration struct {
		Webhooks []struct {
			ClientConfig admissionregistrationv1.WebhookClientConfig  `json:"clientConfig"`
			Rules        []admissionregistrationv1.RuleWithOperations `json:"rules"`
		} `json:"webhooks"`
	}
	if err := decode(o, &configuration); err != nil {
		return false
	}
	for _, w := range configuration.Webhooks {
		if w.ClientConfig.Service == nil || !namespaces.Has(w.ClientConfig.Service.Namespace) {
			return false
		}
		for _, rule := range w.Rules {
			if slices.ContainsFunc(rule.APIGroups, func(g string) bool { return !isGroup(g) }) {
				return false
			}
		}
	}
	return true
}

const (
	frozen        = "this object is being taken over by capa-apiserver: try again in a minute"
	copiedAlready = "this object has been copied into capa-apiserver, which takes it over: try again in a minute"
	frozenAgain   = "this object is being given back to CAPA: try again in a minute"
	// probeLabel is on what is only tried.
	probeLabel = name + "-probe"
)

// freeze has the host refuse changes of CAPA's objects: what is changed after it was copied would
// be lost. Only who takes over may correct what can't be copied. Nor does anybody make objects of
// their names in the server meanwhile.
//
// The host asks mutating webhooks, then policies, then validating webhooks. So CAPA's mutating ones,
// which nobody answers any more, go before a try shows that the policy is in force; until then the
// others, which nobody answers either, refuse what the policy doesn't yet.
func (t *taker) freeze(ctx context.Context) error {
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	if t.state.Copied {
		return t.refuse(ctx, freezing(kinds, "false", copiedAlready))
	}
	mine, err := t.mine(ctx)
	if err != nil {
		return err
	}
	if err := t.refuse(ctx, freezing(kinds, mine+` && request.operation == "UPDATE"`, frozen)); err != nil {
		return err
	}
	if err := t.deleteWebhooks(ctx, mutatingWebhooks); err != nil {
		return err
	}
	return t.refused(ctx, kinds, theirs, frozen)
}

// letCorrect has the host take corrections again, where a takeover ended when it took none any more.
func (t *taker) letCorrect(ctx context.Context) error {
	if !t.Do || !t.state.PausedKnown {
		return nil
	}
	_, err := t.kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ignoreNotFound(err)
	}
	return t.freeze(ctx)
}

// freezeForAll has the host refuse changes by who takes over too, before the copies count.
func (t *taker) freezeForAll(ctx context.Context, kinds []kind) error {
	if err := t.refuse(ctx, freezing(kinds, "false", copiedAlready)); err != nil {
		return err
	}
	return t.refused(ctx, kinds, theirs, copiedAlready)
}

// freezing is the policy for CAPA's versions, and for what would be made at the server's.
func freezing(kinds []kind, unless, message string) *admissionregistrationv1.ValidatingAdmissionPolicy {
	policy := policyFor(kinds, []string{"v1beta1", theirs}, unless, message)
	for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
		rule.Operations, rule.APIVersions = []admissionregistrationv1.OperationType{admissionregistrationv1.Create}, []string{ours}
		policy.Spec.MatchConstraints.ResourceRules = append(policy.Spec.MatchConstraints.ResourceRules, rule)
	}
	return policy
}

// freezeBoth has the host and the server refuse changes by anybody else, and so by the garbage
// collector too: what CAPA's CRDs have kept is old until it is written.
func (t *taker) freezeBoth(ctx context.Context) error {
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	mine, err := t.mine(ctx)
	if err != nil {
		return err
	}
	if err := t.refuse(ctx, policyFor(kinds, []string{"v1beta1", theirs, ours}, mine, frozenAgain)); err != nil {
		return err
	}
	return t.refused(ctx, kinds, ours, frozenAgain)
}

// mine is true of what the command's user writes, but for what is only tried.
func (t *taker) mine(ctx context.Context) (string, error) {
	me, err := t.kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("request.userInfo.username == %q && (object == null || !has(object.metadata.labels) || !(%q in object.metadata.labels))", me.Status.UserInfo.Username, probeLabel), nil
}

// refuse makes the policy what it is to be.
func (t *taker) refuse(ctx context.Context, policy *admissionregistrationv1.ValidatingAdmissionPolicy) error {
	policies, bindings := t.kube.AdmissionregistrationV1().ValidatingAdmissionPolicies(), t.kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	err := t.write("make ValidatingAdmissionPolicy "+name, func() error {
		return retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the host writes its status
			existing, err := policies.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				_, err = policies.Create(ctx, policy, metav1.CreateOptions{})
				return err
			}
			if err != nil {
				return err
			}
			existing.Spec = policy.Spec
			_, err = policies.Update(ctx, existing, metav1.UpdateOptions{})
			return err
		})
	})
	if err != nil {
		return err
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name,
			ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}}}
	return t.write("make ValidatingAdmissionPolicyBinding "+name, func() error {
		_, err := bindings.Create(ctx, binding, metav1.CreateOptions{})
		return ignoreExists(err)
	})
}

// refused waits until a change of an object of each group is refused.
func (t *taker) refused(ctx context.Context, kinds []kind, version, why string) error {
	tried := map[string]bool{}
	for _, k := range kinds {
		if tried[k.group] {
			continue
		}
		objects, err := t.objects(ctx, k, version)
		if err != nil {
			return err
		}
		if len(objects) == 0 {
			continue
		}
		tried[k.group] = true
		o := &objects[0]
		patch := fmt.Sprintf(`{"metadata": {"labels": {%q: ""}}}`, probeLabel)
		err = t.wait(ctx, "changes are refused", func(ctx context.Context) error {
			_, err := t.in(k, version, o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			switch {
			case err == nil:
				return fmt.Errorf("a change of %s isn't refused yet", called(o))
			case !strings.Contains(err.Error(), why):
				return fmt.Errorf("a change of %s is refused for another reason: %w", called(o), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// policyFor refuses changes of the kinds' objects at these versions, unless the expression is true.
func policyFor(kinds []kind, versions []string, unless, message string) *admissionregistrationv1.ValidatingAdmissionPolicy {
	fail, exact := admissionregistrationv1.Fail, admissionregistrationv1.Exact
	var rules []admissionregistrationv1.NamedRuleWithOperations
	for _, g := range groups {
		var resources []string
		for _, k := range kinds {
			if k.group == g.Name() {
				resources = append(resources, k.plural, k.plural+"/status")
			}
		}
		if len(resources) == 0 {
			continue
		}
		rules = append(rules, admissionregistrationv1.NamedRuleWithOperations{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update, admissionregistrationv1.Delete},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{g.Name()}, APIVersions: versions, Resources: resources},
		}})
	}
	return &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			FailurePolicy:    &fail,
			MatchConstraints: &admissionregistrationv1.MatchResources{MatchPolicy: &exact, ResourceRules: rules},
			Validations:      []admissionregistrationv1.Validation{{Expression: unless, Message: message}},
		}}
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// thaw lets the objects be changed again.
func (t *taker) thaw(ctx context.Context) error {
	client := t.kube.AdmissionregistrationV1()
	return errors.Join(
		t.write("delete ValidatingAdmissionPolicyBinding "+name, func() error {
			return ignoreNotFound(client.ValidatingAdmissionPolicyBindings().Delete(ctx, name, metav1.DeleteOptions{}))
		}),
		t.write("delete ValidatingAdmissionPolicy "+name, func() error {
			return ignoreNotFound(client.ValidatingAdmissionPolicies().Delete(ctx, name, metav1.DeleteOptions{}))
		}),
	)
}
