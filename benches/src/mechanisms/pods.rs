//! Pods as a cluster's API server lists them, with all that is of no interest here: two thirds of their bytes.

use std::fmt::Write;

/// The entry whose discoverer lists them.
pub(super) const ENTRY: &str = "{role: pod, api_server: 'http://k8s.example'}";

/// Where a pod is.
pub(super) fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

pub(super) fn name(number: usize) -> String {
    format!("checkout-{:08x}-{:05x}", number / 10 * 2_654_435 % 0xffff_ffff, number)
}

/// A pod. One that is `whole` has its managed fields and the like, too.
pub(super) fn pod(number: usize, generation: usize, whole: bool) -> String {
    let (name, ip, app) = (name(number), address(number), number / 10);
    let node = format!("node-{:03}.eu-west-1.compute.internal", number / 30);
    let mut out = format!(
        r#"{{"metadata":{{"name":"{name}","generateName":"checkout-{app:08x}-","namespace":"team-{}","uid":"6f1d3c1e-7b0a-4f5e-9d0c-{number:012x}","resourceVersion":"{}","creationTimestamp":"2026-03-01T08:15:30Z","labels":{{"app.kubernetes.io/name":"checkout-{app}","app.kubernetes.io/instance":"checkout-{app}-prod","app.kubernetes.io/version":"1.{}.0","generation":"{generation}","pod-template-hash":"{app:08x}","team":"team-{}"}},"annotations":{{"prometheus.io/scrape":"true","prometheus.io/port":"8080","checksum/config":"{:064x}"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"checkout-{app:08x}","uid":"0f1d3c1e-7b0a-4f5e-9d0c-{app:012x}","controller":true,"blockOwnerDeletion":true}}]"#,
        app % 40,
        1_000_000 + number + generation,
        app % 9,
        app % 40,
        app * 7_919,
    );
    if whole {
        let fields = r#"{"f:metadata":{"f:annotations":{".":{},"f:checksum/config":{},"f:prometheus.io/port":{},"f:prometheus.io/scrape":{}},"f:generateName":{},"f:labels":{".":{},"f:app.kubernetes.io/instance":{},"f:app.kubernetes.io/name":{},"f:app.kubernetes.io/version":{},"f:pod-template-hash":{},"f:team":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"x\"}":{".":{},"f:apiVersion":{},"f:kind":{},"f:name":{}}}},"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:env":{},"f:image":{},"f:name":{},"f:ports":{},"f:resources":{}}},"f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{}}}"#;
        let _ = write!(
            out,
            r#","managedFields":[{{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-03-01T08:15:30Z","fieldsType":"FieldsV1","fieldsV1":{fields}}}]"#
        );
    }
    out.push_str(r#"},"spec":{"#);
    if whole {
        out.push_str(r#""volumes":[{"name":"kube-api-access-x7k2p","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],"#);
    }
    let _ = write!(
        out,
        r#""containers":[{{"name":"main","image":"registry.example/checkout:1.{}.0","ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}}]"#,
        app % 9
    );
    if whole {
        out.push_str(r#","env":[{"name":"POD_NAME","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}},{"name":"DATABASE_URL","valueFrom":{"secretKeyRef":{"name":"database","key":"url"}}}],"resources":{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"500m","memory":"512Mi"}},"volumeMounts":[{"name":"kube-api-access-x7k2p","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent""#);
    }
    let _ = write!(out, r#"}}],"restartPolicy":"Always","nodeName":"{node}","#);
    if whole {
        out.push_str(r#""serviceAccountName":"checkout","securityContext":{},"schedulerName":"default-scheduler","tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],"#);
    }
    let _ = write!(
        out,
        r#""priority":0}},"status":{{"phase":"Running","conditions":[{{"type":"Initialized","status":"True","lastProbeTime":null,"lastTransitionTime":"2026-03-01T08:15:31Z"}},{{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2026-03-01T08:15:40Z"}}],"hostIP":"172.16.{}.{}","podIP":"{ip}","podIPs":[{{"ip":"{ip}"}}],"startTime":"2026-03-01T08:15:31Z","containerStatuses":[{{"name":"main","state":{{"running":{{"startedAt":"2026-03-01T08:15:35Z"}}}},"ready":true,"restartCount":0,"image":"registry.example/checkout:1.{}.0","containerID":"containerd://{number:064x}"}}],"qosClass":"Burstable"}}}}"#,
        number / 30 / 250,
        number / 30 % 250,
        app % 9,
    );
    out
}

/// Lists of so many pods, in pages.
pub(super) fn lists(pods: usize, page: usize, whole: bool) -> Vec<String> {
    let pages = pods.div_ceil(page);
    let list = |number: usize| {
        let more = if number + 1 < pages {
            format!(r#","continue":"{number}""#)
        } else {
            String::new()
        };
        let mut out = format!(
            r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"900000"{more}}},"items":["#
        );
        for pod_number in number * page..pods.min((number + 1) * page) {
            if pod_number > number * page {
                out.push(',');
            }
            out.push_str(&pod(pod_number, 0, whole));
        }
        out + "]}"
    };
    (0..pages).map(list).collect()
}
