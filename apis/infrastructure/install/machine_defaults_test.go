package install

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	defaultMetadata = `
  instanceMetadataOptions: {httpEndpoint: enabled, httpProtocolIpv6: disabled, httpPutResponseHopLimit: 1, httpTokens: optional, instanceMetadataTags: disabled}`
	defaultAffinity = `
  hostAffinity: default`
	defaultSecrets = `
  cloudInit: {secureSecretsBackend: secrets-manager}`
	defaultPeriods = `
  defaultCoolDown: 300s
  defaultInstanceWarmup: 300s`
	defaultSizes = `
  minSize: 1
  maxSize: 1`
)

func TestDefaultsOfMachinesAndTheirTemplates(t *testing.T) {
	tests := []struct{ name, in, machine, template string }{
		{
			name:     "bootstrap data of a machine is kept in Secrets Manager; its template stays as written",
			in:       `{instanceType: m5.large}`,
			machine:  "\n  instanceType: m5.large" + defaultMetadata + defaultAffinity + defaultSecrets,
			template: "\n  instanceType: m5.large" + defaultMetadata + defaultAffinity,
		},
		{
			name:     "no backend is added where secrets are skipped",
			in:       `{cloudInit: {insecureSkipSecretsManager: true}}`,
			machine:  "\n  cloudInit: {insecureSkipSecretsManager: true}" + defaultMetadata + defaultAffinity,
			template: "\n  cloudInit: {insecureSkipSecretsManager: true}" + defaultMetadata + defaultAffinity,
		},
		{
			name:     "an empty cloudInit is completed on machines",
			in:       `{cloudInit: {}}`,
			machine:  defaultSecrets + defaultMetadata + defaultAffinity,
			template: "\n  cloudInit: {}" + defaultMetadata + defaultAffinity,
		},
		{
			name:     "an ignition without storage and version has the bucket, and 2.3 on machines",
			in:       `{ignition: {}}`,
			machine:  "\n  ignition: {storageType: ClusterObjectStore, version: \"2.3\"}" + defaultMetadata + defaultAffinity,
			template: "\n  ignition: {storageType: ClusterObjectStore}" + defaultMetadata + defaultAffinity,
		},
		{
			name:     "ignition in user data gets no version",
			in:       `{ignition: {storageType: UnencryptedUserData}}`,
			machine:  "\n  ignition: {storageType: UnencryptedUserData}" + defaultMetadata + defaultAffinity,
			template: "\n  ignition: {storageType: UnencryptedUserData}" + defaultMetadata + defaultAffinity,
		},
		{
			name: "what the user wrote stays",
			in:   `{hostAffinity: host, cloudInit: {secureSecretsBackend: ssm-parameter-store}, instanceMetadataOptions: {httpTokens: required, httpPutResponseHopLimit: 2}}`,
			machine: `
  hostAffinity: host
  cloudInit: {secureSecretsBackend: ssm-parameter-store}
  instanceMetadataOptions: {httpEndpoint: enabled, httpProtocolIpv6: disabled, httpPutResponseHopLimit: 2, httpTokens: required, instanceMetadataTags: disabled}`,
			template: `
  hostAffinity: host
  cloudInit: {secureSecretsBackend: ssm-parameter-store}
  instanceMetadataOptions: {httpEndpoint: enabled, httpProtocolIpv6: disabled, httpPutResponseHopLimit: 2, httpTokens: required, instanceMetadataTags: disabled}`,
		},
	}
	for _, test := range tests {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			t.Run(version+": "+test.name, func(t *testing.T) {
				machine := decode[*infrav1.AWSMachine](t, version, "AWSMachine", "spec: "+test.in)
				compareSpec(t, test.machine, machine.Spec)
				template := decode[*infrav1.AWSMachineTemplate](t, version, "AWSMachineTemplate", "spec:\n template:\n  spec: "+test.in)
				compareSpec(t, test.template, template.Spec.Template.Spec)
			})
		}
	}
}

func TestDefaultsOfPools(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{
			name: "an empty spec gets sizes and periods",
			in:   `{}`,
			want: defaultSizes + defaultPeriods,
		},
		{
			name: "a smallest size of none stays",
			in:   `{minSize: 0, maxSize: 5}`,
			want: "\n  minSize: 0\n  maxSize: 5" + defaultPeriods,
		},
		{
			name: "a period of zero counts as left out, and others stay as they were written",
			in:   `{defaultCoolDown: 0s, defaultInstanceWarmup: 90s}`,
			want: defaultSizes + "\n  defaultCoolDown: 300s\n  defaultInstanceWarmup: 90s",
		},
		{
			name: "a period that can't be read is left for validation",
			in:   `{defaultCoolDown: soon}`,
			want: defaultSizes + "\n  defaultCoolDown: soon\n  defaultInstanceWarmup: 300s",
		},
		{
			name: "a distribution is completed, and an empty policy is not",
			in:   `{mixedInstancesPolicy: {instancesDistribution: {onDemandPercentageAboveBaseCapacity: 0}}}`,
			want: defaultSizes + defaultPeriods + `
  mixedInstancesPolicy: {instancesDistribution: {onDemandAllocationStrategy: prioritized, spotAllocationStrategy: lowest-price, onDemandBaseCapacity: 0, onDemandPercentageAboveBaseCapacity: 0}}`,
		},
		{
			name: "a pool's ignition data is in the bucket",
			in:   `{ignition: {}}`,
			want: defaultSizes + defaultPeriods + "\n  ignition: {storageType: ClusterObjectStore, version: \"2.3\"}",
		},
		{
			name: "options of the metadata service are completed where there are any",
			in:   `{awsLaunchTemplate: {instanceMetadataOptions: {}}}`,
			want: defaultSizes + defaultPeriods + "\n  awsLaunchTemplate:\n  " + indented(defaultMetadata),
		},
	}
	for _, test := range tests {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			t.Run(version+": "+test.name, func(t *testing.T) {
				compareSpec(t, test.want, decode[*infrav1.AWSMachinePool](t, version, "AWSMachinePool", "spec: "+test.in).Spec)
			})
		}
	}
}

func TestDefaultsOfNodeGroups(t *testing.T) {
	const rest = "\n  capacityType: onDemand"
	tests := []struct{ name, in, want string }{
		{"an empty spec is paid on demand and replaces one node at a time; the kind of the image is left open", `{}`, rest + "\n  updateConfig: {maxUnavailable: 1}"},
		{"what the user wrote stays", `{capacityType: spot, updateConfig: {maxUnavailablePercentage: 30}, amiType: AL2_x86_64}`,
			"\n  capacityType: spot\n  updateConfig: {maxUnavailablePercentage: 30}\n  amiType: AL2_x86_64"},
		{"an empty updateConfig is left for validation", `{updateConfig: {}}`, rest + "\n  updateConfig: {}"},
		{"nodes aren't repaired unless it is said", `{nodeRepairConfig: {}}`, rest + "\n  updateConfig: {maxUnavailable: 1}\n  nodeRepairConfig: {enabled: false}"},
	}
	for _, test := range tests {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			t.Run(version+": "+test.name, func(t *testing.T) {
				compareSpec(t, test.want, decode[*infrav1.AWSManagedMachinePool](t, version, "AWSManagedMachinePool", "spec: "+test.in).Spec)
				template := decode[*infrav1.AWSManagedMachinePoolTemplate](t, version, "AWSManagedMachinePoolTemplate", "spec: {template: {spec: "+test.in+"}}")
				compareSpec(t, test.want, template.Spec.Template.Spec)
			})
		}
	}
}
