package validation

import (
	"net"
	"regexp"
	"slices"
	"strings"

	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ExternalResourceGCTasksAnnotation lists what is cleaned up after Services of the
// workload cluster, joined by commas.
const ExternalResourceGCTasksAnnotation = "aws.cluster.x-k8s.io/external-resource-tasks-gc"

var gcTasks = []string{"load-balancer", "target-group", "security-group"}

var (
	// regionPattern takes all partitions: us-east-1, us-gov-west-1, us-isob-east-1, eusc-de-east-1.
	regionPattern    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d+$`)
	partitionPattern = regexp.MustCompile(`^aws(-[a-z]+)*$`)
)

// ValidateAWSCluster judges a new AWSCluster.
func ValidateAWSCluster(cluster *infrav1.AWSCluster) field.ErrorList {
	errs := validateGCTasks(cluster.Annotations)
	errs = append(errs, ClusterOwnership(&cluster.Spec, ClustersOf(cluster), field.NewPath("spec"))...)
	return append(errs, validateClusterSpec(&cluster.Spec, field.NewPath("spec"))...)
}

func validateClusterSpec(spec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	errs := ValidateFoundation(spec, path)
	errs = append(errs, validateLoadBalancers(spec, path)...)
	return append(errs, validateS3Bucket(spec.S3Bucket, path.Child("s3Bucket"))...)
}

// ValidateFoundation judges what every kind of cluster stands on: all of an AWSCluster's spec
// but load balancers and the bucket.
func ValidateFoundation(spec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	errs := validatePlace(spec, path)
	errs = append(errs, ValidateHosts(spec, path)...)
	errs = append(errs, ValidateTags(spec.AdditionalTags, path.Child("additionalTags"))...)
	errs = append(errs, validateEndpoint(spec.ControlPlaneEndpoint, path.Child("controlPlaneEndpoint"))...)
	errs = append(errs, validateImageFormat(spec.ImageLookupFormat, path.Child("imageLookupFormat"))...)
	return append(errs, validateNetwork(&spec.Network, spec.Region, path.Child("network"))...)
}

// ValidateHosts judges what is said about hosts that people log in to: the only rules
// that a template must keep too.
func ValidateHosts(spec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	errs := validateBastion(&spec.Bastion, path.Child("bastion"))
	return append(errs, validateSSHKeyName(spec.SSHKeyName, path.Child("sshKeyName"))...)
}

func validatePlace(spec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Region != "" && !regionPattern.MatchString(spec.Region) {
		errs = append(errs, field.Invalid(path.Child("region"), spec.Region, "must be an AWS region such as us-east-1"))
	}
	if spec.Partition != "" && !partitionPattern.MatchString(spec.Partition) {
		errs = append(errs, field.Invalid(path.Child("partition"), spec.Partition, "must be an AWS partition such as aws, aws-cn or aws-us-gov; leave it out to derive it from the region"))
	}
	return errs
}

func validateEndpoint(endpoint infrav1.APIEndpoint, path *field.Path) field.ErrorList {
	host := endpoint.Host
	if host == "" || net.ParseIP(host) != nil {
		return nil
	}
	if len(utilvalidation.IsDNS1123Subdomain(strings.ToLower(host))) > 0 {
		return field.ErrorList{field.Invalid(path.Child("host"), host, "must be a DNS name or an IP address without scheme and port, such as api.example.com")}
	}
	return nil
}

// BareEndpoint is the endpoint of an EKS cluster as that of others: EKS writes its scheme
// before the name, and so it is recorded.
func BareEndpoint(endpoint infrav1.APIEndpoint) infrav1.APIEndpoint {
	endpoint.Host = strings.TrimPrefix(endpoint.Host, "https://")
	return endpoint
}

// validateGCTasks takes an empty value, which means what no annotation means.
func validateGCTasks(annotations map[string]string) field.ErrorList {
	value := annotations[ExternalResourceGCTasksAnnotation]
	if value == "" {
		return nil
	}
	path := field.NewPath("metadata", "annotations").Key(ExternalResourceGCTasksAnnotation)
	var errs field.ErrorList
	for _, task := range strings.Split(value, ",") {
		if !slices.Contains(gcTasks, strings.TrimSpace(task)) {
			errs = append(errs, field.NotSupported(path, task, gcTasks))
		}
	}
	return errs
}
