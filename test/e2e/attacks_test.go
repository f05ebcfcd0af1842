package e2e

import (
	"fmt"
	"strings"
)

// attack is something that bob does, and what comes of it: kubectl refuses it, or bob's
// object says why it does nothing, or there is nothing to say, because he gets something
// of his own.
type attack struct {
	name string
	// in is the suffix of bob's namespace.
	in string
	// manifest is what he applies, with ${} for what is alice's; or command and patch
	// what else he has kubectl do.
	manifest       string
	command, patch string
	// refused is what kubectl says then.
	refused string
	// says is what a condition of the object says, as "TYPE=STATUS REASON: MESSAGE".
	object, says string
	// blank: the object shows nothing of an instance.
	blank bool
}

// steal is a machine of bob's cluster with further lines in its spec.
func steal(name, lines string) string {
	return machine(attacker, name, false) + indent(lines)
}

// alone is an AWSMachine of bob's cluster that no Machine owns.
func alone(name, labels, lines string) string {
	return fmt.Sprintf(`apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachine
metadata:
  name: %s
  labels: {%s}
spec:
  instanceType: t3.large
%s`, name, labels, indent(lines))
}

// network is a cluster in one zone with further lines in its AWSCluster's spec.
func rival(name, lines string) string {
	if !strings.Contains(lines, "network:") {
		lines = oneZone + "\n" + lines
	}
	return quickStartIn(name, region, lines)
}

// balanced is a cluster with another line in its load balancer.
func balanced(name, line string) string {
	return strings.Replace(rival(name, ""), "    loadBalancerType: nlb\n", "    loadBalancerType: nlb\n    "+line+"\n", 1)
}

// grab is a machine pool of bob's cluster with further lines in its spec, and in its
// launch template.
func grab(cluster, name, lines, template string) string {
	return pool(cluster, name, "t3.large", 1) + strings.ReplaceAll(indent(template), "  ", "    ") + indent(lines)
}

const inAlicesVPC = `network:
  vpc: {id: "${vpc}"}
  subnets: [{id: "${public}"}, {id: "${private}"}]`

// attacks are all that bob tries, side by side.
var attacks = []attack{
	// Instances.
	{name: "an instance by both of its ids", manifest: steal("by-both", `instanceID: "${w-pool}"`+"\n"+`providerID: "aws:///us-east-1a/${w-pool}"`),
		refused: `of another namespace`},
	{name: "an instance by its provider id", manifest: steal("by-provider", `providerID: "aws:///us-east-1a/${cp-0}"`),
		refused: `of another namespace`},
	{name: "an instance by its instance id", manifest: steal("by-instance", `instanceID: "${w-host}"`),
		refused: `of another namespace`},
	{name: "an instance without a Machine", manifest: alone("alone", "cluster.x-k8s.io/cluster-name: bobs", `providerID: "aws:///us-east-1a/${w-ssm}"`),
		refused: `of another namespace`},
	{name: "an instance that no cluster made", manifest: steal("strangers", `instanceID: "${stranger}"`+"\n"+`providerID: "aws:///us-east-1a/${stranger}"`),
		object: "awsmachine/strangers", says: `InstanceReady=False InstanceForeign: instance ${stranger}, .* belongs to somebody`, blank: true},
	{name: "the bastion", manifest: steal("bastion", `instanceID: "${bastion}"`+"\n"+`providerID: "aws:///us-east-1a/${bastion}"`),
		refused: `of another namespace`},
	{name: "a control plane", manifest: machine(attacker, "cp-thief", true) + `  instanceID: "${cp-0}"` + "\n",
		refused: `of another namespace`},
	{name: "a member of a group", manifest: steal("member", `instanceID: "${member}"`+"\n"+`providerID: "${memberID}"`),
		refused: `of another namespace`},
	{name: "a member of a group as one of one's own pool", manifest: alone("as-mine", "cluster.x-k8s.io/cluster-name: bobs, cluster.x-k8s.io/pool-name: bobs-pool",
		`instanceID: "${member}"`+"\n"+`providerID: "${memberID}"`), refused: `of another namespace`},
	{name: "a member of a group as one of its pool", manifest: alone("as-hers", "cluster.x-k8s.io/cluster-name: bobs, cluster.x-k8s.io/pool-name: workers",
		`instanceID: "${member}"`+"\n"+`providerID: "${memberID}"`), refused: `of another namespace`},
	{name: "a member of a group that no cluster made", manifest: steal("strangers-member", `instanceID: "${strangersMember}"`+"\n"+`providerID: "${strangersMemberID}"`),
		object: "awsmachine/strangers-member", says: `InstanceReady=False InstanceForeign: instance ${strangersMember}, .* belongs to somebody`, blank: true},
	{name: "a member of a group that no cluster made as one of one's own pool", manifest: alone("strangers-as-mine", "cluster.x-k8s.io/cluster-name: bobs, cluster.x-k8s.io/pool-name: bobs-pool",
		`instanceID: "${strangersMember}"`+"\n"+`providerID: "${strangersMemberID}"`), object: "awsmachine/strangers-as-mine", blank: true},
	{name: "a member of a group that no cluster made as one of its pool", manifest: alone("strangers-as-hers", "cluster.x-k8s.io/cluster-name: bobs, cluster.x-k8s.io/pool-name: workers",
		`instanceID: "${strangersMember}"`+"\n"+`providerID: "${strangersMemberID}"`), object: "awsmachine/strangers-as-hers", blank: true},
	{name: "an instance as one of one's own pool", manifest: alone("as-pooled", "cluster.x-k8s.io/cluster-name: bobs, cluster.x-k8s.io/pool-name: bobs-pool",
		`instanceID: "${cp-0}"`+"\n"+`providerID: "aws:///us-east-1a/${cp-0}"`), refused: `of another namespace`},
	{name: "an instance by the label of its cluster", manifest: alone("labelled", "cluster.x-k8s.io/cluster-name: prod", `instanceID: "${cp-0}"`+"\n"+`providerID: "aws:///us-east-1a/${cp-0}"`),
		refused: `of another namespace`},
	{name: "an instance as one that something else manages", manifest: strings.Replace(alone("managed", "cluster.x-k8s.io/cluster-name: bobs", `instanceID: "${cp-0}"`+"\n"+`providerID: "aws:///us-east-1a/${cp-0}"`),
		"spec:", "  annotations: {cluster.x-k8s.io/managed-by: bob}\nspec:", 1), refused: `of another namespace`},
	{name: "an instance later on", command: "patch awsmachine bobs-w", patch: `{"spec": {"instanceID": "${cp-0}"}}`, refused: `spec\.instanceID`},
	{name: "a provider id later on", command: "patch awsmachine bobs-w", patch: `{"spec": {"providerID": "aws:///us-east-1a/${cp-0}"}}`, refused: `spec\.providerID`},
	{name: "an instance's status", command: "patch awsmachine bobs-w --subresource=status", patch: `{"status": {"ready": true}}`, refused: "forbidden"},
	{name: "another's object", command: "delete awsmachine cp-0 --namespace ${base}-x", refused: "forbidden|NotFound"},
	{name: "an instance owned by another's Machine", manifest: strings.Replace(alone("owned", "cluster.x-k8s.io/cluster-name: bobs", `instanceID: "${cp-0}"`),
		"spec:", "  ownerReferences: [{apiVersion: cluster.x-k8s.io/v1beta2, kind: Machine, name: cp-0, uid: \"${uid}\"}]\nspec:", 1),
		refused: `of another namespace`},

	// What instances have.
	{name: "a secret by a prefix", manifest: steal("prefix", "cloudInit: {secretPrefix: prod/db, secretCount: 1, secureSecretsBackend: secrets-manager}"),
		refused: `spec\.cloudInit\.secretPrefix`},
	{name: "a parameter by a prefix", manifest: steal("path", "cloudInit: {secretPrefix: /prod/db, secretCount: 1, secureSecretsBackend: ssm-parameter-store}"),
		refused: `spec\.cloudInit\.secretPrefix`},
	{name: "a machine's secret by its prefix", manifest: steal("secret", `cloudInit: {secretPrefix: "${cp-0-secret}", secretCount: 1, secureSecretsBackend: secrets-manager}`),
		object: "awsmachine/secret"},
	{name: "a machine's parameter by its prefix", manifest: steal("parameter", `cloudInit: {secretPrefix: "${w-ssm-secret}", secretCount: 1, secureSecretsBackend: ssm-parameter-store}`),
		object: "awsmachine/parameter"},
	{name: "a prefix later on", command: "patch awsmachine bobs-w", patch: `{"spec": {"cloudInit": {"secretPrefix": "${cp-0-secret}"}}}`, refused: `spec\.cloudInit`},
	{name: "a number of secrets", manifest: steal("number", "cloudInit: {secretPrefix: aws.cluster.x-k8s.io/0b6e8a3a-5d1c-4c63-9b1f-2f6d5a8f7e10, secretCount: 5000000}"),
		refused: `spec\.cloudInit\.secretCount`},
	{name: "a template that takes for ever", command: "apply --dry-run=server -f testdata/bomb.yaml", refused: `spec\.imageLookupFormat`},
	{name: "a host", manifest: onHosts(steal("host", "tenancy: host\nhostAffinity: host\nhostID: \"${host}\"")), object: "awsmachine/host", says: `Ready=False .*dedicated host ${host} belongs to cluster prod`},
	{name: "a host later on", command: "patch awsmachine bobs-w", patch: `{"spec": {"hostID": "${host}"}}`, refused: `spec\.hostID`},
	{name: "an address pool", manifest: machine(attacker, "pooled", false) + pooledAddress, object: "awsmachine/pooled", says: `^Ready=True|\nReady=True`},
	{name: "a network interface", manifest: steal("interface", `networkInterfaces: ["${eni}"]`), object: "awsmachine/interface", says: `Ready=False .*${eni}`},
	{name: "a security group", manifest: steal("group", `additionalSecurityGroups: [{id: "${group-node}"}]`), refused: `spec\.additionalSecurityGroups`},
	{name: "a security group in place of one's own", manifest: steal("override", `securityGroupOverrides: {node: "${group-node}"}`), refused: `spec\.securityGroupOverrides`},
	{name: "a security group later on", command: "patch awsmachine bobs-w", patch: `{"spec": {"additionalSecurityGroups": [{"id": "${group-lb}"}]}}`, refused: `spec\.additionalSecurityGroups`},
	{name: "a subnet", manifest: steal("subnet", `subnet: {id: "${private}"}`), refused: `spec\.subnet\.id: .* belongs to cluster prod: .*Value=shared`},
	{name: "a network by a subnet and groups", manifest: steal("invader", `subnet: {id: "${private}"}
securityGroupOverrides: {node: "${group-controlplane}", lb: "${group-lb}"}`), refused: `spec\.securityGroupOverrides\[node\]: .* belongs to cluster prod`},
	{name: "a network by filters", manifest: steal("filtered", `subnet: {filters: [{name: vpc-id, values: ["${vpc}"]}]}`), object: "awsmachine/filtered", says: `Ready=False .*belongs to cluster prod`},
	{name: "a network by its default group", manifest: steal("default-group", `subnet: {filters: [{name: vpc-id, values: ["${vpc}"]}]}
additionalSecurityGroups: [{filters: [{name: vpc-id, values: ["${vpc}"]}]}]`), object: "awsmachine/default-group", says: `Ready=False .*(belongs to cluster prod|no security group passes)`},
	{name: "an object by the name of a machine", manifest: ignition(machine(attacker, "w-ign", false)), object: "awsmachine/w-ign", says: `Ready=False .*s3Bucket|(^|\n)Ready=True`},

	// Pools.
	{name: "a group by a pool's name", manifest: grab(attacker, "workers", "", ""), refused: `of another namespace`},
	{name: "a group of somebody without clusters", manifest: grab(attacker, "company-group", "", ""), object: "awsmachinepool/company-group", says: `ASGReady=False .*company-group belongs to`},
	{name: "a group by its ARN", manifest: grab(attacker, "by-arn", `providerID: "${group}"`, ""), refused: `of another namespace`},
	{name: "a launch template by its name", manifest: grab(attacker, "by-template", "", "name: workers"), object: "awsmachinepool/by-template", says: `LaunchTemplateReady=False .*launch template workers belongs to`},
	{name: "a launch template of somebody without clusters", manifest: grab(attacker, "strange-template", "", "name: company-template"),
		object: "awsmachinepool/strange-template", says: `LaunchTemplateReady=False .*launch template company-template belongs to`},
	{name: "subnets of a pool", manifest: grab(attacker, "elsewhere", `subnets: [{id: "${private}"}]`, ""), refused: `spec\.subnets\[0\]\.id: .* belongs to cluster prod`},
	{name: "a security group of a pool", manifest: grab(attacker, "grouped", "", `additionalSecurityGroups: [{id: "${group-node}"}]`), refused: `spec\.awsLaunchTemplate\.additionalSecurityGroups`},
	{name: "a group by its ARN later on", command: "patch awsmachinepool bobs-pool", patch: `{"spec": {"providerID": "${group}"}}`, refused: `spec\.providerID`},
	{name: "a list of instances", command: "patch awsmachinepool bobs-pool", patch: `{"spec": {"providerIDList": ["${memberID}", "aws:///us-east-1a/${cp-0}"]}}`, refused: `spec\.providerIDList`},

	// Clusters.
	{name: "a cluster of the same name", in: "n", manifest: rival(victim, ""), object: "awscluster/prod", says: `(^|\n)Ready=True`},
	{name: "a machine of the same names", in: "n", manifest: machine(victim, "cp-0", true), object: "awsmachine/cp-0", says: `(^|\n)Ready=True`},
	{name: "an instance by all of its names", in: "n", manifest: machine(victim, "w-pool", false) + `  instanceID: "${w-pool}"` + "\n" + `  providerID: "aws:///us-east-1a/${w-pool}"` + "\n",
		refused: `of another namespace`},
	{name: "a pool of the same names", in: "n", manifest: grab(victim, "workers", `providerID: "${group}"`, ""), refused: `of another namespace`},
	{name: "a VPC by its id and the same name", in: "v", manifest: rival(victim, `network: {vpc: {id: "${vpc}"}}`), object: "awscluster/prod", says: `VpcReady=False .*VPC ${vpc} .* is of `},
	{name: "a cluster with all of another's ids", in: "w", manifest: rival(victim, `network:
  vpc: {id: "${vpc}", internetGatewayId: "${igw}"}
  subnets:
  - {id: prod-subnet-public-us-east-1a, resourceID: "${public}", availabilityZone: us-east-1a, cidrBlock: "${publicCidr}", isPublic: true, natGatewayId: "${nat}", routeTableId: "${publicTable}"}
  - {id: prod-subnet-private-us-east-1a, resourceID: "${private}", availabilityZone: us-east-1a, cidrBlock: "${privateCidr}", routeTableId: "${privateTable}"}
controlPlaneEndpoint: {host: "${endpoint}", port: 6443}
bastion: {enabled: true}`), object: "awscluster/prod", says: `VpcReady=False .*VPC ${vpc} .* is of `},
	{name: "a cluster with another's UID", in: "c", manifest: strings.Replace(rival("copy", ""), "metadata:\n  name: copy\n", "metadata:\n  name: copy\n  uid: \"${uid}\"\n", 1), object: "awscluster/copy", says: `(^|\n)Ready=True`},
	{name: "a VPC by its id", manifest: rival("guest", inAlicesVPC), object: "awscluster/guest", says: `VpcReady=False .*VPC ${vpc} belongs to cluster prod`},
	{name: "a VPC of somebody without clusters", manifest: rival("stranger", `network: {vpc: {id: "${strangersVPC}"}, subnets: [{id: "${strangersSubnet}"}]}`), object: "awscluster/stranger"},
	{name: "security groups of a VPC by its id", manifest: rival("borrower", inAlicesVPC+`
  securityGroupOverrides: {node: "${group-node}", controlplane: "${group-controlplane}", lb: "${group-lb}", apiserver-lb: "${group-apiserver-lb}", bastion: "${group-bastion}"}
bastion: {enabled: true}`), object: "awscluster/borrower", says: `VpcReady=False .*VPC ${vpc} belongs to cluster prod`},
	{name: "subnets of a VPC that isn't one's own", manifest: rival("subnets", `network:
  subnets:
  - {id: mine-public, resourceID: "${public}", availabilityZone: us-east-1a, cidrBlock: "${publicCidr}", isPublic: true, natGatewayId: "${nat}", routeTableId: "${publicTable}"}
  - {id: mine-private, resourceID: "${private}", availabilityZone: us-east-1a, cidrBlock: "${privateCidr}", routeTableId: "${privateTable}"}`),
		object: "awscluster/subnets", says: `=False .*`},
	{name: "an internet gateway", manifest: rival("internet", `network: {vpc: {availabilityZoneUsageLimit: 1, internetGatewayId: "${igw}"}}`), object: "awscluster/internet"},
	{name: "an egress-only gateway", manifest: rival("egress", `network: {vpc: {availabilityZoneUsageLimit: 1, ipv6: {egressOnlyInternetGatewayId: "${strangersEgress}"}}}`), object: "awscluster/egress"},
	{name: "a carrier gateway", manifest: rival("carrier", `network: {vpc: {availabilityZoneUsageLimit: 1, carrierGatewayId: "${strangersCarrier}"}}`), object: "awscluster/carrier"},
	{name: "a load balancer by its name", manifest: balanced("balancer", `name: "${balancer}"`), refused: `spec.controlPlaneLoadBalancer.name: Forbidden: .* of another namespace`},
	{name: "a load balancer by names that join to its own", manifest: rival("x-"+victim, ""), object: "awscluster/x-prod", says: `LoadBalancerReady=False .*load balancer named ${balancer} exists in another VPC`},
	{name: "a security group of a load balancer", manifest: balanced("guarded", `additionalSecurityGroups: ["${group-apiserver-lb}"]`), object: "awscluster/guarded", says: `LoadBalancerReady=False .* belongs to cluster prod`},
	{name: "subnets of a load balancer", manifest: balanced("spread", `subnets: ["${public}"]`), object: "awscluster/spread", says: `LoadBalancerReady=False .* belongs to cluster prod`},
	{name: "an endpoint", manifest: rival("endpoint", `controlPlaneEndpoint: {host: "${endpoint}", port: 6443}`), object: "awscluster/endpoint"},
	{name: "a bucket of somebody without clusters", manifest: rival("backups", `s3Bucket: {name: cluster-api-provider-aws-backups, presignedURLDuration: 24h, additionalIAMRoles: [{name: bobs, prefix: 'db/'}]}`),
		object: "awscluster/backups", says: `S3BucketCreated=False .*bucket cluster-api-provider-aws-backups exists and is of `},
	{name: "a bucket of a cluster", manifest: rival("bucket", `s3Bucket: {name: "cluster-api-provider-aws-alices-${base}", presignedURLDuration: 24h, additionalIAMRoles: [{name: bobs, prefix: 'node/'}]}`),
		refused: `of another namespace`},
	{name: "an object of a bucket by its machine's name", manifest: ignition(machine("bucket", "w-ign-2", false)), object: "awsmachine/w-ign-2"},
	{name: "an identity of another namespace", manifest: rival("identity", `identityRef: {kind: AWSClusterStaticIdentity, name: alices-own}`), refused: `spec\.identityRef`},
	{name: "a role of another namespace", manifest: rival("role", `identityRef: {kind: AWSClusterRoleIdentity, name: alices-role}`), refused: `spec\.identityRef`},
	{name: "another account later on", command: "patch awscluster bobs", patch: `{"spec": {"identityRef": {"kind": "AWSClusterRoleIdentity", "name": "another-account"}}}`, refused: `spec\.identityRef`},
	{name: "another region later on", command: "patch awscluster bobs", patch: `{"spec": {"region": "us-west-2"}}`, refused: `spec\.region`},
	{name: "a VPC later on", command: "patch awscluster bobs", patch: `{"spec": {"network": {"vpc": {"id": "${vpc}"}}}}`, refused: `spec\.network\.vpc\.id`},
	{name: "an internet gateway later on", command: "patch awscluster bobs", patch: `{"spec": {"network": {"vpc": {"internetGatewayId": "${igw}"}}}}`, refused: `spec\.network\.vpc\.internetGatewayId`},
	{name: "an endpoint later on", command: "patch awscluster bobs", patch: `{"spec": {"controlPlaneEndpoint": {"host": "${endpoint}", "port": 6443}}}`, refused: `spec\.controlPlaneEndpoint`},

	// What names and tags say.
	{name: "Services' load balancers of a cluster's name in a VPC of its", manifest: rival("eksprod", `network: {vpc: {id: "${strangersVPC}"}, subnets: [{id: "${strangersSubnet}"}]}`),
		object: "awscluster/eksprod", says: `VpcReady=True`},
	{name: "a cluster that somebody else manages, later on", command: "annotate awscluster bobs cluster.x-k8s.io/managed-by=bob", refused: `cannot be added later`},
	{name: "a machine that somebody else manages, later on", command: "annotate awsmachine bobs-w cluster.x-k8s.io/managed-by=bob", refused: `cannot be added later`},
	{name: "a pool that somebody else manages, later on", command: "annotate awsmachinepool bobs-pool cluster.x-k8s.io/managed-by=bob", refused: `cannot be added later`},
	{name: "tags of another's cluster", manifest: rival("tagged", "additionalTags: {sigs.k8s.io/cluster-api-provider-aws/cluster/prod: owned}\nbastion: {enabled: true}"), refused: `spec\.additionalTags`},
	{name: "tags of another's cluster on a VPC", manifest: rival("tagged-vpc", "network: {vpc: {availabilityZoneUsageLimit: 1, tags: {sigs.k8s.io/cluster-api-provider-aws/cluster/prod: owned}}}"), refused: `spec\.network\.vpc\.tags`},
	{name: "tags of another's object on a machine", manifest: steal("tagged", `additionalTags: {capa-apiserver.cluster.x-k8s.io/uid: "${uid}"}`), refused: `spec\.additionalTags`},
	{name: "tags of another's cluster on a pool", manifest: grab(attacker, "tagged", "additionalTags: {kubernetes.io/cluster/prod: owned}", ""), refused: `spec\.additionalTags`},
	{name: "tags of another's cluster later on", command: "patch awscluster bobs", patch: `{"spec": {"additionalTags": {"sigs.k8s.io/cluster-api-provider-aws/cluster/prod": "owned"}}}`, refused: `spec\.additionalTags`},
	{name: "what a cluster of the name left in another namespace", manifest: rival("next", ""), object: "awscluster/next", says: `(^|\n)Ready=True`},
	{name: "a cluster that moved away, by its name", manifest: rival("moved", ""), object: "awscluster/moved", says: `VpcReady=False .*VPC ${movedVPC} .*another management cluster may have it`},
	{name: "a cluster that moved away, by its name and VPC", in: "c", manifest: rival("moved", `network: {vpc: {id: "${movedVPC}"}}`), object: "awscluster/moved", says: `VpcReady=False .*VPC ${movedVPC} .*is of `},
	{name: "ids in unrelated fields", manifest: rival("words", `network: {subnets: [{id: a, natGatewayId: "${cp-0}"}, {id: b, routeTableId: "${group}"}]}`), refused: `natGatewayId: .*must be the id of a NAT gateway`},
	{name: "a cluster's status", command: "patch awscluster bobs --subresource=status", patch: `{"status": {"accountID": "999999999999"}}`, refused: "forbidden"},
}
