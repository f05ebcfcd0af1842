package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	fleetKey       = "AKIAFLEET"
	ownKey         = enginetest.ControllersKey // the process's
	wrongKey       = "AKIAWRONG"
	otherKey       = "AKIAOTHER"
	anotherAccount = "999999999999"
	// judgement is the health check's timeout.
	judgement = 10 * time.Second
)

// recommendedCheck is the health check of docs/operations.md, of all machines of a
// cluster, which waits less.
const recommendedCheck = `apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: %[1]s}
spec:
  clusterName: %[1]s
  selector: {matchLabels: {cluster.x-k8s.io/cluster-name: %[1]s}}
  checks:
    nodeStartupTimeoutSeconds: 0
    unhealthyMachineConditions:
    - {type: InfrastructureReady, status: "False", timeoutSeconds: %.0[2]f}
  remediation:
    triggerIf: {unhealthyLessThanOrEqualTo: 100%%}
`

const fleetIdentity = `{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterStaticIdentity, metadata: {name: fleet-keys},
spec: {secretRef: fleet-keys, allowedNamespaces: {list: [%s]}}}`

// inExtraGroup has machines be in a group besides the cluster's.
const inExtraGroup = "additionalSecurityGroups: [{filters: [{name: 'tag:Name', values: [extra]}]}]\n"

// identityFault is something that happens to the way to AWS, or to the rights there.
type identityFault struct {
	name       string
	begin, end func(*guarded)
	// cluster, machine, pool and a machine of the pool say this meanwhile.
	cluster, machine, pool, member string
	// unused: the identity's key signs nothing meanwhile, reads included.
	unused bool
}

var identityFaults = []identityFault{
	{name: "keys that AWS doesn't know",
		begin: func(g *guarded) { g.keys(wrongKey) }, end: func(g *guarded) { g.keys(fleetKey) },
		cluster: credentialsRefused, machine: credentialsRefused, pool: credentialsRefused, member: credentialsRefused},
	{name: "keys of another account",
		begin: func(g *guarded) { g.keys(otherKey) }, end: func(g *guarded) { g.keys(fleetKey) },
		cluster: accountMismatch, machine: accountMismatch, pool: accountMismatch, member: accountMismatch},
	{name: "a deleted Secret",
		begin: func(g *guarded) { g.kubectl("delete", "secret", "-n", "capa-system", "fleet-keys") }, end: func(g *guarded) { g.keys(fleetKey) },
		cluster: secretMissing, machine: secretMissing, pool: secretMissing, member: secretMissing},
	{name: "a withdrawn namespace",
		begin: func(g *guarded) { g.apply(g.ns, fmt.Sprintf(fleetIdentity, "another-namespace")) }, end: func(g *guarded) { g.apply(g.ns, fmt.Sprintf(fleetIdentity, g.ns)) },
		cluster: namespaceRefused, machine: namespaceRefused, pool: namespaceRefused, member: namespaceRefused, unused: true},
	{name: "an expired session",
		begin: func(g *guarded) { g.refuse("expired", fleetKey, ownKey) }, end: func(g *guarded) { g.refuse("expired") },
		cluster: expired, machine: expired, pool: expired, member: expired},
	{name: "denied rights", begin: (*guarded).deny, end: (*guarded).allow,
		cluster: denied, machine: denied, pool: denied, member: denied},
	{name: "a renamed security group", begin: func(g *guarded) { g.rename("renamed") }, end: func(g *guarded) { g.rename("extra") },
		machine: `SecurityGroupsReady=False .*spec.additionalSecurityGroups`, pool: `LaunchTemplateReady=False .*spec.additionalSecurityGroups`},
}

const (
	credentialsRefused = `PrincipalCredentialRetrieved=False PrincipalCredentialRetrievalFailed`
	accountMismatch    = `PrincipalCredentialRetrieved=False PrincipalAccountMismatch: .*` + anotherAccount
	secretMissing      = `PrincipalCredentialRetrieved=False CredentialProviderBuildFailed: .*fleet-keys`
	// What is refused of reads makes facts old, which all who read are told.
	expired          = `Observed=ExpiredCredentials`
	denied           = `Observed=Unauthorized`
	namespaceRefused = `PrincipalUsageAllowed=False PrincipalUsageUnauthorized: .*allowedNamespaces`
)

// TestIdentityFaultsReplaceNoMachine has all go wrong that can with an identity, each for
// longer than the recommended health check waits.
func TestIdentityFaultsReplaceNoMachine(t *testing.T) {
	g := &guarded{world: newWorld(t, "--sweep-period=3s", "--instance-sweep-period=3s", "--creation-grace=5s", "--machine-pool-machines"), cluster: "guarded"}
	g.ns = g.namespace()
	timed(t, "a cluster, machines and a pool under an identity", g.settle)
	before, machines := g.records(), g.machines(t)
	watched := g.witness(g.ns, unhealthy, &clusterv1.MachineList{}, &infrav1.AWSMachineList{}, &infrav1.AWSMachinePoolList{})
	g.apply(g.ns, fmt.Sprintf(recommendedCheck, g.cluster, judgement.Seconds()))
	g.judged(t)
	for _, fault := range identityFaults {
		t.Run(fault.name, func(t *testing.T) {
			fault.begin(g)
			g.eventually("the objects say what is wrong", func(ctx context.Context) error {
				return g.say(ctx, fault)
			})
			if fault.unused {
				g.eventually("the identity is used no more", func(ctx context.Context) error { return g.silent(ctx, fault) })
			}
			time.Sleep(judgement + judgement/2)
			if err := g.say(context.Background(), fault); err != nil {
				t.Errorf("later on they don't say it any more: %v", err)
			}
			fault.end(g)
			g.eventually("all is well again", func(ctx context.Context) error { return g.well(ctx) })
			if now := g.machines(t); !slices.Equal(now, machines) {
				t.Errorf("the machines are %v, were %v", now, machines)
			}
			g.stayed(t, before)
			g.nothingNew(t, before)
		})
	}
	for _, wrong := range watched.saw() {
		t.Error(wrong)
	}
	g.leave()
}

// silent tells whether the fleet's key signs nothing for some sweeps, in which all is read.
func (g *guarded) silent(ctx context.Context, fault identityFault) error {
	g.aws.ClearLog()
	for range 5 {
		time.Sleep(judgement / 5)
		if err := g.say(ctx, fault); err != nil {
			return err
		}
	}
	used := slices.DeleteFunc(g.aws.Log(), func(e emulator.Entry) bool { return e.AccessKey != fleetKey })
	if len(used) > 0 {
		return fmt.Errorf("%d calls are made with it:\n%s", len(used), wrote(used))
	}
	return nil
}

// guarded is a cluster under an identity of its own, whose machines a health check
// watches over.
type guarded struct {
	*world
	ns, cluster, group string
	// denied are the faults that stand for rights that are taken away.
	denied []string
}

func (g *guarded) settle() {
	g.refuse("invalid")
	g.aws.Configure(func(c *emulator.Config) { c.AccessKeys = map[string]string{otherKey: anotherAccount} })
	g.keys(fleetKey)
	g.apply(g.ns, fmt.Sprintf(fleetIdentity, g.ns))
	g.apply(g.ns, quickStartIn(g.cluster, region, oneZone+"\nidentityRef: {kind: AWSClusterStaticIdentity, name: fleet-keys}"))
	c := g.waitReady(g.ns, g.cluster)
	g.group = g.extraGroup(c.Spec.Network.VPC.ID)
	g.apply(g.ns, machine(g.cluster, "cp-0", true)+"  "+inExtraGroup)
	g.waitMachines(g.ns, "cp-0")
	g.initialize(g.ns, g.cluster, "cp-0")
	deployment, _, _ := strings.Cut(healthChecked(g.cluster), "---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: MachineHealthCheck")
	g.apply(g.ns, strings.Replace(deployment, "      sshKeyName: default\n", "      sshKeyName: default\n      "+inExtraGroup, 1))
	g.apply(g.ns, pool(g.cluster, "workers", "t3.large", 1)+"    "+inExtraGroup)
	g.eventually("the worker runs", func(ctx context.Context) error {
		worker, err := g.worker(ctx, g.ns)
		if err != nil {
			return err
		}
		return g.machineIsReady(ctx, g.ns, worker.Name)
	})
	g.eventually("the pool's instance has a Machine", func(ctx context.Context) error {
		_, err := g.poolMachines(ctx, g.ns, "workers", 1)
		return errors.Join(err, g.poolIsReady(ctx, g.ns, "workers", 1))
	})
	g.join(g.ns)
	g.eventually("all is well", g.well)
	g.waitStill()
}

// extraGroup makes a security group of the user's own in the VPC.
func (g *guarded) extraGroup(vpc string) string {
	out, err := g.ec2().CreateSecurityGroup(context.Background(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("extra"), Description: aws.String("extra"), VpcId: &vpc,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: aws.String("Name"), Value: aws.String("extra")}}}}})
	must(g.t, err)
	return aws.ToString(out.GroupId)
}

func (g *guarded) rename(name string) {
	_, err := g.ec2().CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: []string{g.group}, Tags: []ec2types.Tag{{Key: aws.String("Name"), Value: &name}}})
	must(g.t, err)
}

// keys writes the identity's Secret.
func (g *guarded) keys(key string) {
	g.apply("capa-system", fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: fleet-keys}, stringData: {AccessKeyID: %s, SecretAccessKey: x}}`, key))
}

// refuse has AWS refuse keys, and the wrong one always.
func (g *guarded) refuse(why string, keys ...string) {
	bad := map[string]string{wrongKey: "invalid"}
	for _, key := range keys {
		bad[key] = why
	}
	g.aws.Configure(func(c *emulator.Config) { c.BadKeys = bad })
}

// deny takes all rights on instances, networks and groups away.
func (g *guarded) deny() {
	g.denied = []string{
		g.aws.Faults().Set(emulator.Fault{Service: "ec2", Code: "UnauthorizedOperation", Status: 403, Message: "You are not authorized to perform this operation."}),
		g.aws.Faults().Set(emulator.Fault{Service: "autoscaling", Code: "AccessDenied", Status: 403, Message: "User is not authorized to perform this operation."}),
	}
}

func (g *guarded) allow() {
	for _, fault := range g.denied {
		g.aws.Faults().Remove(fault)
	}
}

// machines are all Machines, each by its name, its UID, and its instance.
func (g *guarded) machines(t *testing.T) []string {
	t.Helper()
	list, out := &clusterv1.MachineList{}, []string{}
	must(t, g.client.List(context.Background(), list, client.InNamespace(g.ns)))
	for _, m := range list.Items {
		out = append(out, fmt.Sprintf("%s %s %s", m.Name, m.UID, m.Spec.ProviderID))
	}
	slices.Sort(out)
	return out
}

// judged waits until the health check has seen all machines and found them healthy.
func (g *guarded) judged(t *testing.T) {
	t.Helper()
	g.eventually("the health check judges", func(ctx context.Context) error {
		list := &clusterv1.MachineList{}
		if err := g.client.List(ctx, list, client.InNamespace(g.ns)); err != nil {
			return err
		}
		for _, m := range list.Items {
			if !meta.IsStatusConditionTrue(m.Status.Conditions, clusterv1.MachineHealthCheckSucceededCondition) {
				return fmt.Errorf("%s says %s", m.Name, lines(m.Status.Conditions))
			}
		}
		return nil
	})
}

// say tells whether the cluster, every machine and the pool say to who reads them what
// is wrong.
func (g *guarded) say(ctx context.Context, fault identityFault) error {
	c, err := g.world.cluster(ctx, g.ns, g.cluster)
	machines := &infrav1.AWSMachineList{}
	if err := errors.Join(err, g.client.List(ctx, machines, client.InNamespace(g.ns))); err != nil {
		return err
	}
	err = saying("the cluster", lines(c.Status.Conditions)+observed(c.Status.Observation), fault.cluster)
	for _, m := range machines.Items {
		want := fault.machine
		if m.PoolName() != "" {
			want = fault.member
		}
		err = errors.Join(err, saying(m.Name, lines(m.Status.Conditions)+observed(m.Status.Observation), want))
	}
	p := g.pool(ctx)
	return errors.Join(err, saying("the pool", lines(p.Status.Conditions)+observed(p.Status.Observation), fault.pool))
}

func observed(o *infrav1.Observation) string {
	if o == nil {
		return ""
	}
	return fmt.Sprintf("Observed=%s: %s\n", o.Reason, o.Message)
}

func saying(who, says, want string) error {
	if regexp.MustCompile(want).MatchString(says) {
		return nil
	}
	return fmt.Errorf("%s says\n%swant %s", who, says, want)
}

func (g *guarded) pool(ctx context.Context) *infrav1.AWSMachinePool {
	p := &infrav1.AWSMachinePool{}
	if err := g.client.Get(ctx, client.ObjectKey{Namespace: g.ns, Name: "workers"}, p); err != nil {
		g.t.Error(err)
	}
	return p
}

// well tells whether nothing is wrong with anything, and nothing says that it once was.
func (g *guarded) well(ctx context.Context) error {
	c, err := g.storedCluster(ctx, g.ns, g.cluster)
	if err != nil {
		return err
	}
	err = faultless("the cluster", lines(c.Status.Conditions))
	for _, m := range g.storedMachines(ctx, g.ns) {
		err = errors.Join(err, faultless(m.Name, lines(m.Status.Conditions)))
	}
	return errors.Join(err, faultless("the pool", lines(g.pool(ctx).Status.Conditions)))
}

func faultless(who, says string) error {
	for _, line := range strings.Split(says, "\n") {
		if !strings.HasPrefix(line, infrav1.PausedCondition+"=") && regexp.MustCompile(`^\w+=(False|Unknown) `).MatchString(line) {
			return fmt.Errorf("%s says\n%s", who, says)
		}
	}
	if !strings.Contains("\n"+says, "\nReady=True ") {
		return fmt.Errorf("%s isn't ready:\n%s", who, says)
	}
	return nil
}

// unhealthy objects to all that ends in another machine: what the health check judges by,
// what it judged, and failures that are final to users of the older form.
func unhealthy(e watch.EventType, o conditioned) string {
	if e == watch.Deleted || !o.GetDeletionTimestamp().IsZero() {
		return "it is deleted"
	}
	var failure *string
	switch o := o.(type) {
	case *infrav1.AWSMachine:
		if d := o.Status.Deprecated; d != nil && d.V1Beta1 != nil {
			failure = d.V1Beta1.FailureReason
		}
	case *infrav1.AWSMachinePool:
		if d := o.Status.Deprecated; d != nil && d.V1Beta1 != nil {
			failure = d.V1Beta1.FailureReason
		}
	}
	if failure != nil {
		return "failureReason is " + *failure
	}
	for _, c := range o.GetConditions() {
		judged := c.Type == clusterv1.InfrastructureReadyCondition || c.Type == clusterv1.MachineHealthCheckSucceededCondition || c.Type == infrav1.ReadyCondition && !isCore(o, c.Type)
		if judged && c.Status == "False" {
			return fmt.Sprintf("%s is %s %s: %s", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	return ""
}

// leave deletes all.
func (g *guarded) leave() {
	g.kubectl("delete", "machinehealthchecks", "-n", g.ns, "--all")
	g.kubectl("delete", "machinedeployments,machinepools,machines", "-n", g.ns, "--all", "--wait=false")
	g.eventually("the machines are gone", func(context.Context) error {
		if out := g.kubectl("get", "machines,awsmachines,awsmachinepools", "-n", g.ns, "-o", "name"); out != "" {
			return fmt.Errorf("still there: %s", out)
		}
		return nil
	})
	_, err := g.ec2().DeleteSecurityGroup(context.Background(), &ec2.DeleteSecurityGroupInput{GroupId: &g.group})
	must(g.t, err)
	g.deleteCluster(g.ns, g.cluster)
	if left := g.aws.Resources(anotherAccount, ""); len(left) > 0 {
		g.t.Errorf("the other account has %s", pretty(left))
	}
	g.kubectl("delete", "awsclusterstaticidentity", "fleet-keys")
}
