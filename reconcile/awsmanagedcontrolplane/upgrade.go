package awsmanagedcontrolplane

import (
	"context"
	"fmt"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// adviceAge is when EKS is asked again whether a cluster may be upgraded that it advised
// against: it looks at clusters once a day, or when it is told to.
const adviceAge = 5 * time.Minute

// advice is what EKS said of an upgrade.
type advice struct {
	to         string
	generation int64
	at         time.Time
	// against is what it has seen in the cluster that the version would break; err is why it
	// couldn't be asked.
	against []string
	err     error
}

// lookAtUpgrade asks EKS what the next version would break, before it is updated to.
func (w *worker) lookAtUpgrade(ctx context.Context) {
	v := w.view()
	next := v.cluster.Next()
	if next == "" || w.options.Facts == nil || w.pass.Deleting() || w.obj.Spec.Force {
		w.memory.advice = nil
		return
	}
	now, a := w.pass.Clock.Now(), w.memory.advice
	if a != nil && a.to == next && a.generation == w.obj.Generation && now.Before(a.at.Add(adviceAge)) || v.cluster.Locked() != "" {
		return
	}
	a = &advice{to: next, generation: w.obj.Generation, at: now}
	a.against, a.err = w.options.Facts.UpgradeErrors(facts.WithNamespace(ctx, w.obj.Namespace), w.pass.Session, w.obj.ClusterName(), next)
	w.memory.advice = a
	w.pass.Changed()
}

// upgradeAllowed says whether EKS has anything against the version that is asked for. Who
// doesn't ask says what the object says.
func (v *view) upgradeAllowed() []conditions.Condition {
	if v.cluster.Next() == "" || v.Deleting() {
		return nil
	}
	c := conditions.Condition{Type: controlplanev1.UpgradeAllowedCondition, OK: true}
	switch a := v.Advice; {
	case v.ControlPlane.Spec.Force:
		c.Message = "spec.force is true: EKS isn't asked"
	case a == nil:
		stored, said := conditions.Stored(v.ControlPlane, c.Type)
		if !said {
			return nil
		}
		c = stored
	case a.err != nil:
		c.Message = fmt.Sprintf("EKS could not be asked what %s would break (eks:ListInsights, eks:DescribeInsight): %s", a.to, cloud.Explain(a.err))
	case len(a.against) > 0:
		c.OK, c.Reason, c.Severity, c.Message = false, controlplanev1.InsightsInErrorReason, clusterv1.ConditionSeverityWarning, conditions.Shorten(a.against)
	}
	return []conditions.Condition{c}
}
