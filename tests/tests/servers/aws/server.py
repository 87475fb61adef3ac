"""moto as `moto_server` starts it, with a default of ECS's that moto 5.2 lacks.

A ListTasks that names no `desiredStatus` means tasks that are to run: Amazon says so where it describes the request
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html), and in the description of ECS that comes
with botocore, from which the default is read here. moto lists all tasks then, also those that have stopped.
"""

import re
import sys

from botocore.loaders import Loader
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.server import main

described = Loader().load_service_model("ecs", "service-2")["shapes"]["ListTasksRequest"]["members"]["desiredStatus"]
default = re.search(r"default status filter is <code>([A-Z]+)</code>", described["documentation"]).group(1)
list_tasks = EC2ContainerServiceResponse.list_tasks


def list_tasks_by_default(self):
    if self._get_param("desiredStatus") is None:
        self.params["desiredStatus"] = default
    return list_tasks(self)


EC2ContainerServiceResponse.list_tasks = list_tasks_by_default
sys.exit(main())
