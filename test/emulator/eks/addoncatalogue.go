package eks

import (
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// product is an add-on that AWS offers.
type product struct {
	name, kind, namespace string
	// deployed has pods that want nodes, in distinction to one that runs on each node there is.
	deployed bool
	// account is the service account that wants rights, and policy AWS's for it.
	account, policy string
	// object is what a conflict is about.
	object string
	// releases are its versions, the newest first; the one for a cluster's version that a creation without a version gets is the second that fits.
	releases []addonRelease
	schema   string
}

// addonRelease fits clusters from one minor version to another.
type addonRelease struct {
	version  string
	from, to int
}

func (p *product) versions(minor int) []string {
	var out []string
	for _, x := range p.releases {
		if x.from <= minor && minor <= x.to {
			out = append(out, x.version)
		}
	}
	return out
}

// byDefault is the version that a creation without one gets.
func (p *product) byDefault(minor int) string {
	fitting := p.versions(minor)
	if len(fitting) == 0 {
		return ""
	}
	return fitting[min(1, len(fitting)-1)]
}

// kubeProxies go with the cluster's minor version, or lag behind it by three.
func kubeProxies() []addonRelease {
	var out []addonRelease
	for _, x := range releases {
		for _, patch := range []string{"1-eksbuild.2", "0-eksbuild.2"} {
			out = append(out, addonRelease{"v" + x.version + "." + patch, minor(x.version), minor(x.version) + 3})
		}
	}
	return out
}

const always = 1000

// products are the add-ons by name ("AWS add-ons").
var products = []product{
	{name: "amazon-cloudwatch-observability", kind: "observability", namespace: "amazon-cloudwatch", account: "cloudwatch-agent", policy: "CloudWatchAgentServerPolicy",
		releases: []addonRelease{{"v4.5.0-eksbuild.1", 25, always}, {"v4.4.0-eksbuild.1", 25, always}}, schema: anything},
	{name: "aws-ebs-csi-driver", kind: "storage", namespace: "kube-system", deployed: true, account: "ebs-csi-controller-sa", policy: "service-role/AmazonEBSCSIDriverPolicy", object: "Deployment.apps ebs-csi-controller",
		releases: []addonRelease{{"v1.51.1-eksbuild.1", 29, always}, {"v1.51.0-eksbuild.1", 29, always}, {"v1.48.0-eksbuild.2", 26, 35}}, schema: ebsSchema},
	{name: "aws-efs-csi-driver", kind: "storage", namespace: "kube-system", deployed: true, account: "efs-csi-controller-sa", policy: "service-role/AmazonEFSCSIDriverPolicy",
		releases: []addonRelease{{"v2.1.13-eksbuild.1", 26, always}, {"v2.1.12-eksbuild.1", 26, always}}, schema: anything},
	{name: "coredns", kind: "networking", namespace: "kube-system", deployed: true, object: "Deployment.apps coredns",
		releases: []addonRelease{{"v1.13.2-eksbuild.1", 34, always}, {"v1.13.1-eksbuild.1", 34, always}, {"v1.12.4-eksbuild.1", 32, 35}, {"v1.12.3-eksbuild.1", 32, 34},
			{"v1.11.4-eksbuild.24", 29, 33}, {"v1.11.4-eksbuild.2", 29, 32}, {"v1.11.3-eksbuild.1", 27, 31}}, schema: corednsSchema},
	{name: "eks-node-monitoring-agent", kind: "observability", namespace: "kube-system",
		releases: []addonRelease{{"v1.4.1-eksbuild.1", 25, always}, {"v1.4.0-eksbuild.2", 25, always}}, schema: anything},
	{name: "eks-pod-identity-agent", kind: "security", namespace: "kube-system", object: "DaemonSet.apps eks-pod-identity-agent",
		releases: []addonRelease{{"v1.3.9-eksbuild.5", 24, always}, {"v1.3.8-eksbuild.2", 24, always}}, schema: anything},
	{name: "kube-proxy", kind: "networking", namespace: "kube-system", object: "DaemonSet.apps kube-proxy", releases: kubeProxies(), schema: kubeProxySchema},
	{name: "metrics-server", kind: "observability", namespace: "kube-system", deployed: true,
		releases: []addonRelease{{"v0.8.0-eksbuild.3", 27, always}, {"v0.8.0-eksbuild.2", 27, always}}, schema: anything},
	{name: "snapshot-controller", kind: "storage", namespace: "kube-system", deployed: true,
		releases: []addonRelease{{"v8.3.0-eksbuild.1", 25, always}, {"v8.2.0-eksbuild.1", 25, always}}, schema: anything},
	{name: "vpc-cni", kind: "networking", namespace: "kube-system", account: "aws-node", policy: "AmazonEKS_CNI_Policy", object: "DaemonSet.apps aws-node",
		releases: []addonRelease{{"v1.20.4-eksbuild.2", 28, always}, {"v1.20.4-eksbuild.1", 28, always}, {"v1.20.1-eksbuild.3", 26, always}, {"v1.19.6-eksbuild.7", 25, 34}}, schema: vpcCNISchema},
}

// bootstrapAddons are those that EKS installs in a new cluster by itself, unmanaged.
var bootstrapAddons = []string{"vpc-cni", "kube-proxy", "coredns"}

func productNamed(name string) *product {
	for i := range products {
		if products[i].name == name {
			return &products[i]
		}
	}
	return nil
}

// The schemas of configuration values, shortened to what is set most.
const (
	anything   = `{"$schema":"http://json-schema.org/draft-06/schema#","type":"object","additionalProperties":true}`
	schemaHead = `{"$schema":"http://json-schema.org/draft-06/schema#","type":"object","additionalProperties":false,"properties":{`
	placement  = `"affinity":{"type":["object","null"]},"nodeSelector":{"type":"object"},"podAnnotations":{"type":"object"},"podLabels":{"type":"object"},"resources":{"type":"object"},"tolerations":{"type":"array"}`

	corednsSchema = schemaHead + placement + `,"autoScaling":{"type":"object","additionalProperties":false,"properties":{"enabled":{"type":"boolean"},"minReplicas":{"type":"integer"},"maxReplicas":{"type":"integer"}}},
"computeType":{"type":"string"},"corefile":{"type":"string"},"podDisruptionBudget":{"type":"object"},"replicaCount":{"type":"integer"},"topologySpreadConstraints":{"type":"array"}}}`
	kubeProxySchema = schemaHead + `"ipvs":{"type":"object","additionalProperties":false,"properties":{"scheduler":{"type":"string"}}},"mode":{"type":"string","enum":["iptables","ipvs"]},` + placement + `}}`
	vpcCNISchema    = schemaHead + `"enableNetworkPolicy":{"type":"string","enum":["true","false"]},"enableWindowsIpam":{"type":"string","enum":["true","false"]},
"eniConfig":{"type":"object","additionalProperties":false,"properties":{"create":{"type":"boolean"},"region":{"type":"string"},"subnets":{"type":"object"}}},
"env":{"type":"object","additionalProperties":true},"init":{"type":"object","properties":{"env":{"type":"object"}}},"livenessProbeTimeoutSeconds":{"type":"integer"},"nodeAgent":{"type":"object"},` + placement + `}}`
	ebsSchema = schemaHead + `"controller":{"type":"object"},"node":{"type":"object"},"defaultStorageClass":{"type":"object","properties":{"enabled":{"type":"boolean"}}},"sidecars":{"type":"object"}}}`
)

func describeAddonVersions(r *core.Request, in *sdk.DescribeAddonVersionsInput) (*sdk.DescribeAddonVersionsOutput, error) {
	var all []types.AddonInfo
	for i := range products {
		p := &products[i]
		if in.AddonName != nil && *in.AddonName != p.name || len(in.Types) > 0 && !slices.Contains(in.Types, p.kind) ||
			len(in.Owners) > 0 && !slices.Contains(in.Owners, "aws") || len(in.Publishers) > 0 && !slices.Contains(in.Publishers, "eks") {
			continue
		}
		info := types.AddonInfo{AddonName: &p.name, Type: &p.kind, Owner: core.Ptr("aws"), Publisher: core.Ptr("eks"), DefaultNamespace: &p.namespace, AddonVersions: p.show(core.Val(in.KubernetesVersion))}
		if len(info.AddonVersions) > 0 {
			all = append(all, info)
		}
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.DescribeAddonVersionsOutput{Addons: append([]types.AddonInfo{}, items...), NextToken: core.Next(next)}, err
}

// show lists the versions with the clusters that each fits, of one version if one is asked for.
func (p *product) show(only string) []types.AddonVersionInfo {
	var out []types.AddonVersionInfo
	for _, x := range p.releases {
		info := types.AddonVersionInfo{AddonVersion: core.Ptr(x.version), Architecture: []string{"amd64", "arm64"}, ComputeTypes: []string{"ec2", "auto", "hybrid"},
			RequiresIamPermissions: p.policy != "", Compatibilities: []types.Compatibility{}}
		for _, cluster := range releases {
			if n := minor(cluster.version); n < x.from || n > x.to || only != "" && only != cluster.version {
				continue
			}
			info.Compatibilities = append(info.Compatibilities, types.Compatibility{ClusterVersion: core.Ptr(cluster.version), PlatformVersions: []string{"*"},
				DefaultVersion: p.byDefault(minor(cluster.version)) == x.version})
		}
		if len(info.Compatibilities) > 0 {
			out = append(out, info)
		}
	}
	return out
}

func describeAddonConfiguration(_ *core.Request, in *sdk.DescribeAddonConfigurationInput) (*sdk.DescribeAddonConfigurationOutput, error) {
	p := productNamed(core.Val(in.AddonName))
	if p == nil || !slices.ContainsFunc(p.releases, func(x addonRelease) bool { return x.version == core.Val(in.AddonVersion) }) {
		return nil, notFound("Addon %s with version %s is not found", core.Val(in.AddonName), core.Val(in.AddonVersion))
	}
	out := &sdk.DescribeAddonConfigurationOutput{AddonName: in.AddonName, AddonVersion: in.AddonVersion, ConfigurationSchema: core.Ptr(strings.ReplaceAll(p.schema, "\n", ""))}
	if p.account != "" {
		out.PodIdentityConfiguration = []types.AddonPodIdentityConfiguration{{ServiceAccount: &p.account, RecommendedManagedPolicies: []string{"arn:aws:iam::aws:policy/" + p.policy}}}
	}
	return out, nil
}

// fits is the version asked for, or the default one, if the cluster's version may have it.
func (p *product) fits(clusterVersion, asked string) (string, error) {
	fitting := p.versions(minor(clusterVersion))
	switch {
	case len(fitting) == 0:
		return "", invalid("Addon %s specified is not supported in %s kubernetes version", p.name, clusterVersion)
	case asked == "":
		return p.byDefault(minor(clusterVersion)), nil
	case !slices.Contains(fitting, asked):
		return "", invalid("Addon version specified is not supported")
	}
	return asked, nil
}

func (p *product) conflict() string {
	return fmt.Sprintf("Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\n%s - .spec.template.spec.containers[0]", p.object)
}
