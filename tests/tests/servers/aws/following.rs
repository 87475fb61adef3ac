//! AWS followed live: instances, tasks and databases come, change and go, and moto goes and comes back as it was at first.
//!
//! One headcount runs through all of it. What it makes of EC2 is compared with promtool's view after each step; of ECS and
//! RDS with what was done, as no promtool at hand knows them.

use std::collections::BTreeSet;
use std::thread;

use crate::support::required::is_installed_by_chance;
use crate::support::{Folder, Headcount, Labels, Moto, until};

use super::{compare, job, set, values};

/// Finds the instance with which this is about.
const LATER: &str = "ec2 = client('ec2')\n\
    found = ec2.describe_instances(Filters=[{'Name': 'tag:Name', 'Values': ['later']}])\n\
    later = found['Reservations'][0]['Instances'][0]['InstanceId']\n";

/// How RDS names databases.
const OF_RDS: &str = "arn:aws:rds:eu-west-1:123456789012:db";

/// Waits until a target has these labels, or lacks them, and gives it. It is the one whose label has this value.
fn wait_for(headcount: &Headcount, job: &str, whose: (&str, &str), expected: &[(&str, Option<&str>)]) -> Labels {
    until(&format!("{whose:?} of {job} has {expected:?}"), || {
        let mut targets = headcount.list(job)?.into_iter();
        let target = targets.find(|labels| labels.get(whose.0).is_some_and(|value| value == whose.1));
        let target = target.ok_or("it is not there")?;
        let has = |(name, value): &(&str, Option<&str>)| target.get(*name).map(String::as_str) == *value;
        match expected.iter().all(has) {
            true => Ok(target),
            false => Err(format!("it has {target:#?}")),
        }
    })
}

/// The names of a job's instances.
fn names(headcount: &Headcount, job: &str) -> Result<BTreeSet<String>, String> {
    let targets = headcount.list(job)?.into_iter();
    Ok(targets
        .filter_map(|mut labels| labels.remove("__meta_ec2_tag_Name"))
        .collect())
}

/// Waits until an instance is among a job's, or is not.
fn wait_for_name(headcount: &Headcount, job: &str, name: &str, is_there: bool) {
    until(&format!("{name} in {job}: {is_there}"), || {
        match names(headcount, job)? {
            found if found.contains(name) == is_there => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
}

/// How many providers say that nobody is there.
fn refused(headcount: &Headcount) -> Result<usize, String> {
    let providers = headcount.get("/api/v1/providers")?.text();
    Ok(providers.matches("Connection refused").count())
}

fn jobs(moto: &Moto) -> (String, String) {
    let keys = format!("endpoint: '{}', {}", moto.url(), moto.keys_of("allowed"));
    let mut jobs = String::from("scrape_configs:\n");
    job(&mut jobs, "all", "ec2", &format!("{keys}, port: 9100"));
    let running = "filters: [{name: 'tag:env', values: [prod]}, {name: instance-state-name, values: [running]}]";
    job(&mut jobs, "some", "ec2", &format!("{keys}, {running}"));
    let golden = jobs.clone();
    job(&mut jobs, "ecs", "ecs", &keys);
    job(&mut jobs, "rds", "rds", &format!("{keys}, clusters: [c1]"));
    (golden, jobs)
}

/// What a job's targets are called, and where they are.
fn places(headcount: &Headcount, job: &str) -> Result<BTreeSet<(String, String)>, String> {
    let label = match job {
        "ecs" => "__meta_ecs_task_arn",
        "rds" => "__meta_rds_instance_identifier",
        _ => "__meta_ec2_instance_id",
    };
    let place = |labels: Labels| (labels[label].clone(), labels["__address__"].clone());
    Ok(headcount.list(job)?.into_iter().map(place).collect())
}

#[test]
fn instances_tasks_and_databases_are_followed_as_they_come_change_and_go() {
    require!("moto_server-5.2", "promtool-2.53");
    let folder = Folder::new();
    let mut moto = Moto::start(&folder);
    let (golden, config) = jobs(&moto);
    let (golden, config) = (
        folder.write("promtool.yml", golden),
        folder.write("prometheus.yml", config),
    );
    // Of tasks' addresses EC2 is asked.
    let url = moto.url();
    let headcount = Headcount::with_variables(&folder, &config, &[("AWS_ENDPOINT_URL", url.as_str())]);
    let mut promtools = vec!["promtool-2.53"];
    promtools.extend(is_installed_by_chance("promtool-3").then_some("promtool-3"));
    // They mostly wait, so all of them do at once.
    let compare_all = || {
        let sides = ["all", "some"]
            .iter()
            .flat_map(|job| promtools.iter().map(move |promtool| (*job, *promtool)));
        thread::scope(|scope| {
            let compared: Vec<_> = sides
                .map(|(job, promtool)| {
                    let (headcount, golden) = (&headcount, &golden);
                    scope.spawn(move || compare(headcount, promtool, golden, job))
                })
                .collect();
            for side in compared {
                side.join().expect("they are equal");
            }
        });
    };
    compare_all();
    values(&headcount, "ecs", "__meta_ecs_task_arn", 2);
    values(&headcount, "rds", "__meta_rds_instance_identifier", 2);
    let first = ["all", "some", "ecs", "rds"].map(|job| (job, places(&headcount, job).expect("a list")));

    follow_instances(&headcount, &moto, &compare_all);
    follow_tasks(&headcount, &moto);
    follow_databases(&headcount, &moto);

    // It goes, and everything stays.
    moto.run(
        "client('ec2').run_instances(ImageId='ami-12c6146b', MinCount=1, MaxCount=1, TagSpecifications=[{'ResourceType': \
         'instance', 'Tags': [{'Key': 'Name', 'Value': 'last'}]}])",
    );
    wait_for_name(&headcount, "all", "last", true);
    let before = first
        .each_ref()
        .map(|(job, _)| places(&headcount, job).expect("a list"));
    moto.kill();
    until("all four fail", || match refused(&headcount)? {
        4.. => Ok(()),
        count => Err(count.to_string()),
    });
    for ((job, _), before) in first.iter().zip(&before) {
        assert_eq!(places(&headcount, job).as_ref(), Ok(before), "{job}");
    }

    // It comes back as it was at first. Nobody asks meanwhile, as moto draws something for each question, too.
    headcount.while_paused(|| moto.restart());
    for (job, first) in &first {
        until(&format!("{job} is as at first"), || match places(&headcount, job)? {
            found if found == *first => Ok(()),
            found => Err(format!("{found:#?}\ninstead of {first:#?}")),
        });
    }
    compare_all();
}

/// An instance comes, gets and loses labels and addresses, stops, runs again, and ends.
fn follow_instances(headcount: &Headcount, moto: &Moto, compare_all: &dyn Fn()) {
    moto.run(
        "client('ec2').run_instances(ImageId='ami-12c6146b', MinCount=1, MaxCount=1, TagSpecifications=[{'ResourceType': \
         'instance', 'Tags': [{'Key': 'Name', 'Value': 'later'}]}])",
    );
    let later = |job: &str, expected: &[(&str, Option<&str>)]| {
        wait_for(headcount, job, ("__meta_ec2_tag_Name", "later"), expected)
    };
    later(
        "all",
        &[
            ("__meta_ec2_instance_state", Some("running")),
            ("__meta_ec2_tag_env", None),
        ],
    );
    assert!(!names(headcount, "some").expect("a list").contains("later"));
    compare_all();

    let ec2 = |line: &str| moto.run(&format!("{LATER}{line}"));
    ec2("ec2.create_tags(Resources=[later], Tags=[{'Key': 'env', 'Value': 'prod'}, {'Key': 'a.b', 'Value': 'x'}])");
    let tags = [("__meta_ec2_tag_env", Some("prod")), ("__meta_ec2_tag_a_b", Some("x"))];
    later("all", &tags);
    later("some", &tags);
    compare_all();

    ec2("ec2.stop_instances(InstanceIds=[later])");
    wait_for_name(headcount, "some", "later", false);
    later("all", &[("__meta_ec2_instance_state", Some("stopped"))]);
    compare_all();

    ec2("ec2.start_instances(InstanceIds=[later])\n\
         address = ec2.allocate_address(Domain='vpc')\n\
         ec2.associate_address(InstanceId=later, AllocationId=address['AllocationId'])\n\
         ec2.delete_tags(Resources=[later], Tags=[{'Key': 'a.b'}])");
    let changed = later(
        "some",
        &[
            ("__meta_ec2_tag_a_b", None),
            ("__meta_ec2_instance_state", Some("running")),
        ],
    );
    assert!(changed.contains_key("__meta_ec2_public_ip"), "{changed:#?}");
    compare_all();

    ec2("ec2.terminate_instances(InstanceIds=[later])");
    wait_for_name(headcount, "some", "later", false);
    compare_all();
}

/// A task comes, and goes when it is stopped, and no other; its cluster is named otherwise.
fn follow_tasks(headcount: &Headcount, moto: &Moto) {
    let tasks = |count| values(headcount, "ecs", "__meta_ecs_task_arn", count);
    let first = tasks(2);
    moto.run(
        "ec2 = client('ec2')\n\
         subnets = ec2.describe_subnets(Filters=[{'Name': 'cidr-block', 'Values': ['10.9.0.0/24']}])['Subnets']\n\
         groups = ec2.describe_security_groups(Filters=[{'Name': 'group-name', 'Values': ['g']}])['SecurityGroups']\n\
         subnets, groups = [subnets[0]['SubnetId']], [groups[0]['GroupId']]\n\
         network = {'awsvpcConfiguration': {'subnets': subnets, 'securityGroups': groups}}\n\
         client('ecs').run_task(cluster='web', taskDefinition='web', count=1, launchType='FARGATE', \
         networkConfiguration=network, tags=[{'key': 'task', 'value': 'later'}])",
    );
    let later =
        |expected: &[(&str, Option<&str>)]| wait_for(headcount, "ecs", ("__meta_ecs_tag_task_task", "later"), expected);
    later(&[("__meta_ecs_tag_cluster_team", Some("front"))]);
    assert!(tasks(3).is_superset(&first));
    moto.run(
        "ecs = client('ecs')\n\
         cluster = ecs.describe_clusters(clusters=['web'])['clusters'][0]['clusterArn']\n\
         ecs.tag_resource(resourceArn=cluster, tags=[{'key': 'team', 'value': 'back'}])",
    );
    let changed = later(&[("__meta_ecs_tag_cluster_team", Some("back"))]);
    moto.run(&format!(
        "client('ecs').stop_task(cluster='web', task='{}')",
        changed["__meta_ecs_task_arn"]
    ));
    assert_eq!(tasks(2), first);
}

/// A database comes, is named otherwise, and goes.
fn follow_databases(headcount: &Headcount, moto: &Moto) {
    let databases = |count| values(headcount, "rds", "__meta_rds_instance_identifier", count);
    moto.run(
        "client('rds').create_db_instance(DBInstanceIdentifier='c1-2', DBClusterIdentifier='c1', \
         DBInstanceClass='db.t3.large', Engine='aurora-mysql')",
    );
    assert_eq!(databases(3), set(&["c1-0", "c1-1", "c1-2"]));
    let whose = ("__meta_rds_instance_identifier", "c1-2");
    wait_for(headcount, "rds", whose, &[("__meta_rds_instance_tag_team", None)]);
    moto.run(&format!(
        "client('rds').add_tags_to_resource(ResourceName='{OF_RDS}:c1-2', Tags=[{{'Key': 'team', 'Value': 'new'}}])"
    ));
    wait_for(
        headcount,
        "rds",
        whose,
        &[("__meta_rds_instance_tag_team", Some("new"))],
    );
    moto.run("client('rds').delete_db_instance(DBInstanceIdentifier='c1-0')");
    assert_eq!(databases(2), set(&["c1-1", "c1-2"]));
}
